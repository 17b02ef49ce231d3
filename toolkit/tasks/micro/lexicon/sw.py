"""Swahili. How to read these tables: see `toolkit/tasks/micro/grammar.py`.

The things' classes are noun classes 5 (`li`), 9 (`i`) and 7 (`ki`); colours and the "of" of possession agree.
"""

TEXT = """
classes = li i ki

at = {x} yuko/VERB {p} .
do = {x} {v} .
do_at = {x} {v} {p} .
eat = {x} anakula/VERB {f} .
eat_at = {x} anakula/VERB {f} {p} .
drink = {x} anakunywa/VERB {d} .
drink_at = {x} anakunywa/VERB {d} {p} .
have = {x} ana/VERB {a} .
count = {x} ana/VERB {a} {n} .
none = {x} hana/VERB mnyama/NOUN yeyote/DET .
own = {x} ana/VERB {t} {c~t} .
colour = {t} la|ya|cha/ADP~t {x} ni/AUX {c~t} .
when = {x} {v.habit} {w} .
job = {x} ni/AUX {j} .
q_where = {x} yuko/VERB wapi/ADV ?
q_eat = {x} anakula/VERB nini/PRON ?
q_drink = {x} anakunywa/VERB nini/PRON ?
q_colour = {t} la|ya|cha/ADP~t {x} ni/AUX la|ya|cha/ADP~t rangi/NOUN gani/DET ?
q_count = {x} ana/VERB {a} wangapi/DET ?
q_who_at = Nani/PRON yuko/VERB {p} ?
q_who_eat = Nani/PRON anakula/VERB {f} ?
q_who_drink = Nani/PRON anakunywa/VERB {d} ?

[x PROPN: base]
anna ; Anna
maria ; Maria
sara ; Sara
lena ; Lena
nina ; Nina
olga ; Olga
emma ; Emma
laila ; Laila
tom ; Tom
david ; David
omar ; Omar
ivan ; Ivan
peter ; Peter
martin ; Martin
marco ; Marco
daniel ; Daniel

[p NOUN: base]
kitchen ; jikoni
garden ; bustanini
school ; shuleni
forest ; msituni
library ; maktabani
hospital ; hospitalini
office ; ofisini
restaurant ; mgahawani
station ; stesheni
market ; sokoni
museum ; kwenye/ADP makumbusho
hotel ; hotelini

[f NOUN: base]
apple ; tufaha
banana ; ndizi
orange ; chungwa
bread ; mkate
cake ; keki
rice ; wali
fish ; samaki
meat ; nyama
cheese ; jibini
egg ; yai
fruit ; matunda

[d NOUN: base]
water ; maji
milk ; maziwa
tea ; chai
coffee ; kahawa
juice ; juisi

[a NOUN: base]
dog ; mbwa
cat ; paka
horse ; farasi
cow ; ng'ombe
goat ; mbuzi
rabbit ; sungura
bird ; ndege
duck ; bata
animal ; mnyama

[n NUM: base]
three ; watatu
four ; wanne
five ; watano
six ; sita

[t NOUN: base]
car li ; gari
bicycle i ; baiskeli
house i ; nyumba
bag li ; begi
book ki ; kitabu
shirt li ; shati
chair ki ; kiti
hat i ; kofia

[c ADJ: base]
red ; jekundu|nyekundu|chekundu
blue ; la|ya|cha/ADP *bluu
green ; la|ya|cha/ADP *kijani
white ; jeupe|nyeupe|cheupe
black ; jeusi|nyeusi|cheusi
yellow ; la|ya|cha/ADP *njano
brown ; la|ya|cha/ADP *kahawia

[v VERB: base habit]
sleep ; analala ; hulala
sing ; anaimba ; huimba
work ; anafanya kazi/NOUN ; hufanya kazi/NOUN
wait ; anasubiri ; husubiri
dance ; anacheza ngoma/NOUN ; hucheza ngoma/NOUN
laugh ; anacheka ; hucheka
cry ; analia ; hulia
read ; anasoma ; husoma

[w NOUN: base]
morning ; asubuhi
afternoon ; alasiri
evening ; jioni
monday ; kila/DET Jumatatu/PROPN
sunday ; kila/DET Jumapili/PROPN

[j NOUN: base]
doctor ; daktari
teacher ; mwalimu
farmer ; mkulima
cook ; mpishi
engineer ; mhandisi
student ; mwanafunzi
"""
