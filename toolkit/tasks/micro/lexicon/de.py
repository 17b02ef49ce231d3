"""German. How to read these tables: see `toolkit/tasks/micro/grammar.py`."""

TEXT = """
genders = m f n

at = {x} ist/AUX {p} .
do = {x} {v} .
do_at = {x} {v} {p} .
eat = {x} isst/VERB {f} .
eat_at = {x} isst/VERB {p} {f} .
drink = {x} trinkt/VERB {d} .
drink_at = {x} trinkt/VERB {p} {d} .
have = {x} hat/VERB {a.one} .
count = {x} hat/VERB {n} {a} .
none = {x} hat/VERB keine/DET Tiere/NOUN .
own = {x} hat/VERB einen|eine|ein/DET~t {c.attr~t} {t} .
colour = {x.gen} {t} ist/AUX {c} .
when = {x} {v} {w} .
job = {x} ist/AUX {j~x} .
q_where = Wo/ADV ist/AUX {x} ?
q_eat = Was/PRON isst/VERB {x} ?
q_drink = Was/PRON trinkt/VERB {x} ?
q_colour = Welche/DET Farbe/NOUN hat/VERB {x.gen} {t} ?
q_count = Wie/ADV viele/ADJ {a} hat/VERB {x} ?
q_who_at = Wer/PRON ist/AUX {p} ?
q_who_eat = Wer/PRON isst/VERB {f} ?
q_who_drink = Wer/PRON trinkt/VERB {d} ?

[x PROPN: base gen]
anna f ; Anna ; Annas
maria f ; Maria ; Marias
sara f ; Sara ; Saras
lena f ; Lena ; Lenas
nina f ; Nina ; Ninas
olga f ; Olga ; Olgas
emma f ; Emma ; Emmas
laila f ; Laila ; Lailas
tom m ; Tom ; Toms
david m ; David ; Davids
omar m ; Omar ; Omars
ivan m ; Iwan ; Iwans
peter m ; Peter ; Peters
martin m ; Martin ; Martins
marco m ; Marco ; Marcos
daniel m ; Daniel ; Daniels

[p NOUN: base]
kitchen ; in/ADP der/DET Küche
garden ; im/ADP Garten
school ; in/ADP der/DET Schule
forest ; im/ADP Wald
library ; in/ADP der/DET Bibliothek
hospital ; im/ADP Krankenhaus
office ; im/ADP Büro
restaurant ; im/ADP Restaurant
station ; am/ADP Bahnhof
market ; auf/ADP dem/DET Markt
museum ; im/ADP Museum
hotel ; im/ADP Hotel

[f NOUN: base]
apple ; einen/DET Apfel
banana ; eine/DET Banane
orange ; eine/DET Orange
bread ; Brot
cake ; Kuchen
rice ; Reis
fish ; Fisch
meat ; Fleisch
cheese ; Käse
egg ; ein/DET Ei
fruit ; Obst

[d NOUN: base]
water ; Wasser
milk ; Milch
tea ; Tee
coffee ; Kaffee
juice ; Saft

[a NOUN: base one]
dog m ; Hunde ; einen/DET Hund
cat f ; Katzen ; eine/DET Katze
horse n ; Pferde ; ein/DET Pferd
cow f ; Kühe ; eine/DET Kuh
goat f ; Ziegen ; eine/DET Ziege
rabbit n ; Kaninchen ; ein/DET Kaninchen
bird m ; Vögel ; einen/DET Vogel
duck f ; Enten ; eine/DET Ente
animal n ; Tiere ; ein/DET Tier

[n NUM: base]
three ; drei
four ; vier
five ; fünf
six ; sechs

[t NOUN: base]
car n ; Auto
bicycle n ; Fahrrad
house n ; Haus
bag f ; Tasche
book n ; Buch
shirt n ; Hemd
chair m ; Stuhl
hat m ; Hut

[c ADJ: base attr]
red ; rot ; roten|rote|rotes
blue ; blau ; blauen|blaue|blaues
green ; grün ; grünen|grüne|grünes
white ; weiß ; weißen|weiße|weißes
black ; schwarz ; schwarzen|schwarze|schwarzes
yellow ; gelb ; gelben|gelbe|gelbes
brown ; braun ; braunen|braune|braunes

[v VERB: base]
sleep ; schläft
sing ; singt
work ; arbeitet
wait ; wartet
dance ; tanzt
laugh ; lacht
cry ; weint
read ; liest

[w NOUN: base]
morning ; am/ADP Morgen
afternoon ; am/ADP Nachmittag
evening ; am/ADP Abend
monday ; montags/ADV
sunday ; sonntags/ADV

[j NOUN: base]
doctor ; Arzt|Ärztin
teacher ; Lehrer|Lehrerin
farmer ; Bauer|Bäuerin
cook ; Koch|Köchin
engineer ; Ingenieur|Ingenieurin
student ; Student|Studentin
"""
