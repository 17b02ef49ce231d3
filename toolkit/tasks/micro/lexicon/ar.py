"""Arabic. How to read these tables: see `toolkit/tasks/micro/grammar.py`.

A number from 3 to 10 takes the opposite gender of its noun, so `n` lists the form for masculine nouns first.
"""

TEXT = """
genders = m f

at = {x} {p} .
do = {x} {v~x} .
do_at = {x} {v~x} {p} .
eat = {x} يأكل|تأكل/VERB~x {f} .
eat_at = {x} يأكل|تأكل/VERB~x {f} {p} .
drink = {x} يشرب|تشرب/VERB~x {d} .
drink_at = {x} يشرب|تشرب/VERB~x {d} {p} .
have = لدى/ADP {x} {a.one} .
count = لدى/ADP {x} {n~a} {a} .
none = ليس/AUX لدى/ADP {x} حيوانات/NOUN .
own = لدى/ADP {x} {t} {c~t} .
colour = {t} {x} {c~t} .
when = {x} {v~x} {w} .
job = {x} {j~x} .
q_where = أين/ADV {x} ؟
q_eat = ماذا/PRON يأكل|تأكل/VERB~x {x} ؟
q_drink = ماذا/PRON يشرب|تشرب/VERB~x {x} ؟
q_colour = ما/PRON لون/NOUN {t} {x} ؟
q_count = كم/ADV {a.acc} لدى/ADP {x} ؟
q_who_at = من/PRON {p} ؟
q_who_eat = من/PRON يأكل/VERB {f} ؟
q_who_drink = من/PRON يشرب/VERB {d} ؟

[x PROPN: base]
anna f ; آنا
maria f ; ماريا
sara f ; سارة
lena f ; لينا
nina f ; نينا
olga f ; أولغا
emma f ; إيما
laila f ; ليلى
tom m ; توم
david m ; ديفيد
omar m ; عمر
ivan m ; إيفان
peter m ; بيتر
martin m ; مارتن
marco m ; ماركو
daniel m ; دانيال

[p NOUN: base]
kitchen ; في/ADP المطبخ
garden ; في/ADP الحديقة
school ; في/ADP المدرسة
forest ; في/ADP الغابة
library ; في/ADP المكتبة
hospital ; في/ADP المستشفى
office ; في/ADP المكتب
restaurant ; في/ADP المطعم
station ; في/ADP المحطة
market ; في/ADP السوق
museum ; في/ADP المتحف
hotel ; في/ADP الفندق

[f NOUN: base]
apple ; تفاحة
banana ; موزة
orange ; برتقالة
bread ; خبزًا
cake ; كعكًا
rice ; أرزًا
fish ; سمكًا
meat ; لحمًا
cheese ; جبنًا
egg ; بيضة
fruit ; فاكهة

[d NOUN: base]
water ; ماءً
milk ; حليبًا
tea ; شايًا
coffee ; قهوة
juice ; عصيرًا

[a NOUN: base one acc]
dog m ; كلاب ; كلب ; كلبًا
cat f ; قطط ; قطة ; قطة
horse m ; أحصنة ; حصان ; حصانًا
cow f ; بقرات ; بقرة ; بقرة
goat f ; عنزات ; عنزة ; عنزة
rabbit m ; أرانب ; أرنب ; أرنبًا
bird m ; طيور ; طائر ; طائرًا
duck f ; بطات ; بطة ; بطة
animal m ; حيوانات ; حيوان ; حيوانًا

[n NUM: base]
three ; ثلاثة|ثلاث
four ; أربعة|أربع
five ; خمسة|خمس
six ; ستة|ست

[t NOUN: base]
car f ; سيارة
bicycle f ; دراجة
house m ; بيت
bag f ; حقيبة
book m ; كتاب
shirt m ; قميص
chair m ; كرسي
hat f ; قبعة

[c ADJ: base]
red ; أحمر|حمراء
blue ; أزرق|زرقاء
green ; أخضر|خضراء
white ; أبيض|بيضاء
black ; أسود|سوداء
yellow ; أصفر|صفراء
brown ; بني|بنية

[v VERB: base]
sleep ; ينام|تنام
sing ; يغني|تغني
work ; يعمل|تعمل
wait ; ينتظر|تنتظر
dance ; يرقص|ترقص
laugh ; يضحك|تضحك
cry ; يبكي|تبكي
read ; يقرأ|تقرأ

[w NOUN: base]
morning ; في/ADP الصباح
afternoon ; بعد/ADP الظهر
evening ; في/ADP المساء
monday ; يوم الاثنين
sunday ; يوم الأحد

[j NOUN: base]
doctor ; طبيب|طبيبة
teacher ; معلم|معلمة
farmer ; مزارع|مزارعة
cook ; طباخ|طباخة
engineer ; مهندس|مهندسة
student ; طالب|طالبة
"""
