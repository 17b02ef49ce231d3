"""Turkish. How to read these tables: see `toolkit/tasks/micro/grammar.py`.

Animals and things are written with the possessive ending they have in every frame ("Anna'nın köpeği var").
"""

TEXT = """
at = {x} {p} .
do = {x} {v} .
do_at = {x} {p} {v} .
eat = {x} {f} yiyor/VERB .
eat_at = {x} {p} {f} yiyor/VERB .
drink = {x} {d} içiyor/VERB .
drink_at = {x} {p} {d} içiyor/VERB .
have = {x.gen} {a.one} var/VERB .
count = {x.gen} {n} {a} var/VERB .
none = {x.gen} hiç/ADV hayvanı/NOUN yok/VERB .
own = {x.gen} {c} bir/DET {t} var/VERB .
colour = {x.gen} {t} {c} .
when = {x} {w} {v.habit} .
job = {x} bir/DET {j} .
q_where = {x} nerede/ADV ?
q_eat = {x} ne/PRON yiyor/VERB ?
q_drink = {x} ne/PRON içiyor/VERB ?
q_colour = {x.gen} {t} ne/DET renk/NOUN ?
q_count = {x.gen} kaç/DET {a} var/VERB ?
q_who_at = {p} kim/PRON var/VERB ?
q_who_eat = Kim/PRON {f} yiyor/VERB ?
q_who_drink = Kim/PRON {d} içiyor/VERB ?

[x PROPN: base gen]
anna ; Anna ; Anna'nın
maria ; Maria ; Maria'nın
sara ; Sara ; Sara'nın
lena ; Lena ; Lena'nın
nina ; Nina ; Nina'nın
olga ; Olga ; Olga'nın
emma ; Emma ; Emma'nın
laila ; Leyla ; Leyla'nın
tom ; Tom ; Tom'un
david ; David ; David'in
omar ; Omar ; Omar'ın
ivan ; İvan ; İvan'ın
peter ; Peter ; Peter'in
martin ; Martin ; Martin'in
marco ; Marco ; Marco'nun
daniel ; Daniel ; Daniel'in

[p NOUN: base]
kitchen ; mutfakta
garden ; bahçede
school ; okulda
forest ; ormanda
library ; kütüphanede
hospital ; hastanede
office ; ofiste
restaurant ; restoranda
station ; istasyonda
market ; pazarda
museum ; müzede
hotel ; otelde

[f NOUN: base]
apple ; bir/DET elma
banana ; bir/DET muz
orange ; bir/DET portakal
bread ; ekmek
cake ; kek
rice ; pilav
fish ; balık
meat ; et
cheese ; peynir
egg ; bir/DET yumurta
fruit ; meyve

[d NOUN: base]
water ; su
milk ; süt
tea ; çay
coffee ; kahve
juice ; meyve suyu

[a NOUN: base one]
dog ; köpeği ; bir/DET köpeği
cat ; kedisi ; bir/DET kedisi
horse ; atı ; bir/DET atı
cow ; ineği ; bir/DET ineği
goat ; keçisi ; bir/DET keçisi
rabbit ; tavşanı ; bir/DET tavşanı
bird ; kuşu ; bir/DET kuşu
duck ; ördeği ; bir/DET ördeği
animal ; hayvanı ; bir/DET hayvanı

[n NUM: base]
three ; üç
four ; dört
five ; beş
six ; altı

[t NOUN: base]
car ; arabası
bicycle ; bisikleti
house ; evi
bag ; çantası
book ; kitabı
shirt ; gömleği
chair ; sandalyesi
hat ; şapkası

[c ADJ: base]
red ; kırmızı
blue ; mavi
green ; yeşil
white ; beyaz
black ; siyah
yellow ; sarı
brown ; kahverengi

[v VERB: base habit]
sleep ; uyuyor ; uyur
sing ; şarkı/NOUN söylüyor ; şarkı/NOUN söyler
work ; çalışıyor ; çalışır
wait ; bekliyor ; bekler
dance ; dans/NOUN ediyor ; dans/NOUN eder
laugh ; gülüyor ; güler
cry ; ağlıyor ; ağlar
read ; kitap/NOUN okuyor ; kitap/NOUN okur

[w NOUN: base]
morning ; sabahları
afternoon ; öğleden sonra/ADP
evening ; akşamları
monday ; pazartesi günleri
sunday ; pazar günleri

[j NOUN: base]
doctor ; doktor
teacher ; öğretmen
farmer ; çiftçi
cook ; aşçı
engineer ; mühendis
student ; öğrenci
"""
