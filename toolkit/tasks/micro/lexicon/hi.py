"""Hindi. How to read these tables: see `toolkit/tasks/micro/grammar.py`."""

TEXT = """
genders = m f

at = {x} {p} है/AUX ।
do = {x} {v} रहा|रही/AUX~x है/AUX ।
do_at = {x} {p} {v} रहा|रही/AUX~x है/AUX ।
eat = {x} {f} खा/VERB रहा|रही/AUX~x है/AUX ।
eat_at = {x} {p} {f} खा/VERB रहा|रही/AUX~x है/AUX ।
drink = {x} {d} पी/VERB रहा|रही/AUX~x है/AUX ।
drink_at = {x} {p} {d} पी/VERB रहा|रही/AUX~x है/AUX ।
have = {x} के/ADP पास/ADP {a.one} है/VERB ।
count = {x} के/ADP पास/ADP {n} {a} हैं/VERB ।
none = {x} के/ADP पास/ADP कोई/DET जानवर/NOUN नहीं/PART है/VERB ।
own = {x} के/ADP पास/ADP एक/NUM {c~t} {t} है/VERB ।
colour = {x} का|की/ADP~t {t} {c~t} है/AUX ।
when = {x} {w} {v.habit~x} है/AUX ।
job = {x} {j~x} है/AUX ।
q_where = {x} कहाँ/ADV है/AUX ?
q_eat = {x} क्या/PRON खा/VERB रहा|रही/AUX~x है/AUX ?
q_drink = {x} क्या/PRON पी/VERB रहा|रही/AUX~x है/AUX ?
q_colour = {x} का|की/ADP~t {t} किस/DET रंग/NOUN का|की/ADP~t है/AUX ?
q_count = {x} के/ADP पास/ADP कितने|कितनी/DET~a {a} हैं/VERB ?
q_who_at = {p} कौन/PRON है/AUX ?
q_who_eat = {f} कौन/PRON खा/VERB रहा/AUX है/AUX ?
q_who_drink = {d} कौन/PRON पी/VERB रहा/AUX है/AUX ?

[x PROPN: base]
anna f ; अन्ना
maria f ; मारिया
sara f ; सारा
lena f ; लेना
nina f ; नीना
olga f ; ओल्गा
emma f ; एम्मा
laila f ; लैला
tom m ; टॉम
david m ; डेविड
omar m ; उमर
ivan m ; इवान
peter m ; पीटर
martin m ; मार्टिन
marco m ; मार्को
daniel m ; डैनियल

[p NOUN: base]
kitchen ; रसोई में/ADP
garden ; बगीचे में/ADP
school ; स्कूल में/ADP
forest ; जंगल में/ADP
library ; पुस्तकालय में/ADP
hospital ; अस्पताल में/ADP
office ; दफ़्तर में/ADP
restaurant ; रेस्तराँ में/ADP
station ; स्टेशन पर/ADP
market ; बाज़ार में/ADP
museum ; संग्रहालय में/ADP
hotel ; होटल में/ADP

[f NOUN: base]
apple ; एक/NUM *सेब
banana ; एक/NUM *केला
orange ; एक/NUM *संतरा
bread ; रोटी
cake ; केक
rice ; चावल
fish ; मछली
meat ; मांस
cheese ; पनीर
egg ; एक/NUM *अंडा
fruit ; फल

[d NOUN: base]
water ; पानी
milk ; दूध
tea ; चाय
coffee ; कॉफ़ी
juice ; जूस

[a NOUN: base one]
dog m ; कुत्ते ; एक/NUM *कुत्ता
cat f ; बिल्लियाँ ; एक/NUM *बिल्ली
horse m ; घोड़े ; एक/NUM *घोड़ा
cow f ; गायें ; एक/NUM *गाय
goat f ; बकरियाँ ; एक/NUM *बकरी
rabbit m ; खरगोश ; एक/NUM *खरगोश
bird m ; पक्षी ; एक/NUM *पक्षी
duck f ; बत्तखें ; एक/NUM *बत्तख
animal m ; जानवर ; एक/NUM *जानवर

[n NUM: base]
three ; तीन
four ; चार
five ; पाँच
six ; छह

[t NOUN: base]
car f ; कार
bicycle f ; साइकिल
house m ; घर
bag m ; बैग
book f ; किताब
shirt f ; कमीज़
chair f ; कुर्सी
hat f ; टोपी

[c ADJ: base]
red ; लाल
blue ; नीला|नीली
green ; हरा|हरी
white ; सफ़ेद
black ; काला|काली
yellow ; पीला|पीली
brown ; भूरा|भूरी

[v VERB: base habit]
sleep ; सो ; सोता|सोती
sing ; गा ; गाता|गाती
work ; काम/NOUN कर ; काम/NOUN करता|करती
wait ; इंतज़ार/NOUN कर ; इंतज़ार/NOUN करता|करती
dance ; नाच ; नाचता|नाचती
laugh ; हँस ; हँसता|हँसती
cry ; रो ; रोता|रोती
read ; पढ़ ; पढ़ता|पढ़ती

[w NOUN: base]
morning ; सुबह
afternoon ; दोपहर में/ADP
evening ; शाम को/ADP
monday ; सोमवार/PROPN को/ADP
sunday ; रविवार/PROPN को/ADP

[j NOUN: base]
doctor ; डॉक्टर
teacher ; शिक्षक|शिक्षिका
farmer ; किसान
cook ; रसोइया
engineer ; इंजीनियर
student ; छात्र|छात्रा
"""
