"""Chinese. How to read these tables: see `toolkit/tasks/micro/grammar.py`.

`cl` is the noun's classifier. The text is written without spaces; the tokens are kept apart.
"""

TEXT = """
spaces = no

at = {x} 在/VERB {p} 。
do = {x} 正在/ADV {v} 。
do_at = {x} 在/ADP {p} {v} 。
eat = {x} 正在/ADV 吃/VERB {f} 。
eat_at = {x} 在/ADP {p} 吃/VERB {f} 。
drink = {x} 正在/ADV 喝/VERB {d} 。
drink_at = {x} 在/ADP {p} 喝/VERB {d} 。
have = {x} 有/VERB 一/NUM {a.cl} {a} 。
count = {x} 有/VERB {n} {a.cl} {a} 。
none = {x} 没有/VERB 动物/NOUN 。
own = {x} 有/VERB 一/NUM {t.cl} {c} 的/PART {t} 。
colour = {x} 的/PART {t} 是/AUX {c} 的/PART 。
when = {x} {w} {v} 。
job = {x} 是/AUX {j} 。
q_where = {x} 在/VERB 哪里/PRON ？
q_eat = {x} 正在/ADV 吃/VERB 什么/PRON ？
q_drink = {x} 正在/ADV 喝/VERB 什么/PRON ？
q_colour = {x} 的/PART {t} 是/AUX 什么/DET 颜色/NOUN ？
q_count = {x} 有/VERB 几/NUM {a.cl} {a} ？
q_who_at = 谁/PRON 在/VERB {p} ？
q_who_eat = 谁/PRON 正在/ADV 吃/VERB {f} ？
q_who_drink = 谁/PRON 正在/ADV 喝/VERB {d} ？

[x PROPN: base]
anna ; 安娜
maria ; 玛丽亚
sara ; 萨拉
lena ; 莱娜
nina ; 妮娜
olga ; 奥尔加
emma ; 艾玛
laila ; 莱拉
tom ; 汤姆
david ; 大卫
omar ; 奥马尔
ivan ; 伊万
peter ; 彼得
martin ; 马丁
marco ; 马可
daniel ; 丹尼尔

[p NOUN: base]
kitchen ; 厨房 里/ADP
garden ; 花园 里/ADP
school ; 学校 里/ADP
forest ; 森林 里/ADP
library ; 图书馆 里/ADP
hospital ; 医院 里/ADP
office ; 办公室 里/ADP
restaurant ; 餐厅 里/ADP
station ; 车站 里/ADP
market ; 市场 里/ADP
museum ; 博物馆 里/ADP
hotel ; 酒店 里/ADP

[f NOUN: base]
apple ; 一/NUM 个 *苹果
banana ; 一/NUM 根 *香蕉
orange ; 一/NUM 个 *橙子
bread ; 面包
cake ; 蛋糕
rice ; 米饭
fish ; 鱼
meat ; 肉
cheese ; 奶酪
egg ; 一/NUM 个 *鸡蛋
fruit ; 水果

[d NOUN: base]
water ; 水
milk ; 牛奶
tea ; 茶
coffee ; 咖啡
juice ; 果汁

[a NOUN: base cl]
dog ; 狗 ; 只
cat ; 猫 ; 只
horse ; 马 ; 匹
cow ; 牛 ; 头
goat ; 山羊 ; 只
rabbit ; 兔子 ; 只
bird ; 鸟 ; 只
duck ; 鸭子 ; 只
animal ; 动物 ; 只

[n NUM: base]
three ; 三
four ; 四
five ; 五
six ; 六

[t NOUN: base cl]
car ; 汽车 ; 辆
bicycle ; 自行车 ; 辆
house ; 房子 ; 栋
bag ; 包 ; 个
book ; 书 ; 本
shirt ; 衬衫 ; 件
chair ; 椅子 ; 把
hat ; 帽子 ; 顶

[c ADJ: base]
red ; 红色
blue ; 蓝色
green ; 绿色
white ; 白色
black ; 黑色
yellow ; 黄色
brown ; 棕色

[v VERB: base]
sleep ; 睡觉
sing ; 唱歌
work ; 工作
wait ; 等待
dance ; 跳舞
laugh ; 大笑
cry ; 哭
read ; 看书

[w NOUN: base]
morning ; 早上
afternoon ; 下午
evening ; 晚上
monday ; 每/DET 个 星期一/PROPN
sunday ; 每/DET 个 星期天/PROPN

[j NOUN: base]
doctor ; 医生
teacher ; 老师
farmer ; 农民
cook ; 厨师
engineer ; 工程师
student ; 学生
"""
