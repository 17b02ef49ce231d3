"""Spanish. How to read these tables: see `toolkit/tasks/micro/grammar.py`."""

TEXT = """
genders = m f

at = {x} está/AUX {p} .
do = {x} está/AUX {v} .
do_at = {x} está/AUX {v} {p} .
eat = {x} está/AUX comiendo/VERB {f} .
eat_at = {x} está/AUX comiendo/VERB {f} {p} .
drink = {x} está/AUX bebiendo/VERB {d} .
drink_at = {x} está/AUX bebiendo/VERB {d} {p} .
have = {x} tiene/VERB {a.one} .
count = {x} tiene/VERB {n} {a} .
none = {x} no/ADV tiene/VERB animales/NOUN .
own = {x} tiene/VERB un|una/DET~t {t} {c~t} .
colour = el|la/DET~t {t} de/ADP {x} es/AUX {c~t} .
when = {x} {v.habit} {w} .
job = {x} es/AUX {j~x} .
q_where = ¿ Dónde/ADV está/AUX {x} ?
q_eat = ¿ Qué/PRON está/AUX comiendo/VERB {x} ?
q_drink = ¿ Qué/PRON está/AUX bebiendo/VERB {x} ?
q_colour = ¿ De/ADP qué/DET color/NOUN es/AUX el|la/DET~t {t} de/ADP {x} ?
q_count = ¿ Cuántos|Cuántas/DET~a {a} tiene/VERB {x} ?
q_who_at = ¿ Quién/PRON está/AUX {p} ?
q_who_eat = ¿ Quién/PRON está/AUX comiendo/VERB {f} ?
q_who_drink = ¿ Quién/PRON está/AUX bebiendo/VERB {d} ?

[x PROPN: base]
anna f ; Anna
maria f ; María
sara f ; Sara
lena f ; Lena
nina f ; Nina
olga f ; Olga
emma f ; Emma
laila f ; Laila
tom m ; Tom
david m ; David
omar m ; Omar
ivan m ; Iván
peter m ; Peter
martin m ; Martín
marco m ; Marco
daniel m ; Daniel

[p NOUN: base]
kitchen ; en/ADP la/DET cocina
garden ; en/ADP el/DET jardín
school ; en/ADP la/DET escuela
forest ; en/ADP el/DET bosque
library ; en/ADP la/DET biblioteca
hospital ; en/ADP el/DET hospital
office ; en/ADP la/DET oficina
restaurant ; en/ADP el/DET restaurante
station ; en/ADP la/DET estación
market ; en/ADP el/DET mercado
museum ; en/ADP el/DET museo
hotel ; en/ADP el/DET hotel

[f NOUN: base]
apple ; una/DET manzana
banana ; un/DET plátano
orange ; una/DET naranja
bread ; pan
cake ; tarta
rice ; arroz
fish ; pescado
meat ; carne
cheese ; queso
egg ; un/DET huevo
fruit ; fruta

[d NOUN: base]
water ; agua
milk ; leche
tea ; té
coffee ; café
juice ; zumo

[a NOUN: base one]
dog m ; perros ; un/DET perro
cat m ; gatos ; un/DET gato
horse m ; caballos ; un/DET caballo
cow f ; vacas ; una/DET vaca
goat f ; cabras ; una/DET cabra
rabbit m ; conejos ; un/DET conejo
bird m ; pájaros ; un/DET pájaro
duck m ; patos ; un/DET pato
animal m ; animales ; un/DET animal

[n NUM: base]
three ; tres
four ; cuatro
five ; cinco
six ; seis

[t NOUN: base]
car m ; coche
bicycle f ; bicicleta
house f ; casa
bag f ; bolsa
book m ; libro
shirt f ; camisa
chair f ; silla
hat m ; sombrero

[c ADJ: base]
red ; rojo|roja
blue ; azul
green ; verde
white ; blanco|blanca
black ; negro|negra
yellow ; amarillo|amarilla
brown ; marrón

[v VERB: base habit]
sleep ; durmiendo ; duerme
sing ; cantando ; canta
work ; trabajando ; trabaja
wait ; esperando ; espera
dance ; bailando ; baila
laugh ; riendo ; ríe
cry ; llorando ; llora
read ; leyendo ; lee

[w NOUN: base]
morning ; por/ADP la/DET mañana
afternoon ; por/ADP la/DET tarde
evening ; por/ADP la/DET noche
monday ; los/DET lunes
sunday ; los/DET domingos

[j NOUN: base]
doctor ; médico|médica
teacher ; profesor|profesora
farmer ; agricultor|agricultora
cook ; cocinero|cocinera
engineer ; ingeniero|ingeniera
student ; estudiante
"""
