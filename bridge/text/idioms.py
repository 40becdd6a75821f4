"""The words with which mail programs introduce what somebody else wrote, as data: one row per language and shape.

German, English, French, Italian, Spanish, Portuguese, Dutch, Swedish, Danish, Norwegian, Polish, Czech, Russian; the
labels of repeated fields in a few more. Everything is lower case.
"""

OPENINGS = (
    ("am ", " schrieb"),
    ("am ", " geschrieben:"),
    ("on ", " wrote:"),
    ("on ", " writes:"),
    ("le ", "a écrit"),
    ("il ", "ha scritto"),
    ("el ", "escribió"),
    ("em ", "escreveu"),
    ("op ", " schreef"),
    ("op ", " geschreven:"),
    ("den ", " skrev"),
    ("d. ", " skrev"),
    ("dne ", " napsal"),
    ("w dniu ", " napisał"),
    ("w dniu ", " pisze:"),
    ("", " schrieb am "),
    ("", " hat am "),
    ("", " wrote on "),
    ("", " a écrit le "),
    ("", " ha scritto il "),
    ("", " написал"),
    ("", " пишет:"),
)
"""(how the line begins, what it contains): with a date or an address in it and a colon at the end, the line
introduces a quotation."""

VERBS = (
    *(" schrieb", "geschrieben:", "wrote:", "writes:", "a écrit", "ha scritto", "escribió", "escreveu", "schreef"),
    *("skrev", "napsal", "napisał", "написал", "kirjoitti", "írta", "zitat von ", "quoting ", "citando "),
    *("citazione di ", "citation de ", "a scris", "έγραψε", "пишет:", "yazdı:", "写道", "のメール"),
)
"""What a line with a colon at its end contains when it introduces the ``>`` lines directly below it."""

PARTICLES = frozenset({
    "von", "vom", "zu", "zur", "van", "de", "den", "der", "ter", "di", "da", "do", "dos", "du", "del", "della", "la",
    "le", "el", "al", "bin", "ibn", "y", "e", "via", "af", "av",
})  # fmt: skip
"""What is written small within a name."""

NOT_OPENINGS = (" schrieb ich", " i wrote", " habe ich ", " ich geschrieben")
"""The writer quotes nobody but himself."""

SEPARATORS = frozenset({
    "ursprüngliche nachricht", "originalnachricht", "original-nachricht", "original nachricht",
    "weitergeleitete nachricht", "anfang der weitergeleiteten nachricht", "anfang der weitergeleiteten e-mail",
    "original message", "forwarded message", "begin forwarded message", "original appointment", "reply message",
    "message d'origine", "message d’origine", "message original", "message transféré", "message transmis",
    "début du message transféré", "début du message réexpédié", "messaggio originale", "messaggio inoltrato",
    "inizio messaggio inoltrato", "mensaje original", "mensaje reenviado", "inicio del mensaje reenviado",
    "mensagem original", "mensagem encaminhada", "oorspronkelijk bericht", "origineel bericht",
    "doorgestuurd bericht", "begin doorgestuurd bericht", "ursprungligt meddelande",
    "vidarebefordrat meddelande", "oprindelig meddelelse", "opprinnelig melding", "původní zpráva",
    "wiadomość oryginalna", "пересылаемое сообщение", "исходное сообщение", "ursprüngliche mail", "original mail",
    "původní e-mail", "eredeti üzenet", "továbbított üzenet", "alkuperäinen viesti", "videresendt melding",
    "videresendt meddelelse", "videresendt besked", "vidarebefordrat mejl", "přeposlaná zpráva",
    "wiadomość przekazana", "przekazana wiadomość", "mail original",
})  # fmt: skip
"""Between dashes, or before a colon: everything below is an older mail."""

FROM = frozenset({
    "von", "from", "de", "da", "van", "från", "fra", "od", "от", "от кого", "feladó", "lähettäjä", "de la", "kimden",
    "από", "від", "šalje", "发件人", "寄件者", "差出人", "보낸 사람",
})  # fmt: skip
DATE = frozenset({
    "gesendet", "datum", "sent", "date", "envoyé", "enviado", "enviado el", "enviada em", "fecha", "inviato", "data",
    "verzonden", "skickat", "sendt", "dato", "odesláno", "wysłano", "отправлено", "дата", "gesendet am", "elküldve",
    "dátum", "lähetetty", "päivämäärä", "päiväys", "trimis", "gönderildi", "gönderme tarihi", "tarih", "στάλθηκε",
    "ημερομηνία", "надіслано", "odoslané", "poslano", "envoyé le", "date d'envoi", "enviada", "enviado a las",
    "发送时间", "寄件日期", "日期", "送信日時", "日時", "보낸 날짜",
})  # fmt: skip
TO = frozenset({"an", "to", "à", "a", "para", "aan", "till", "til", "do", "komu", "кому", "cc", "kopie"})
SUBJECT = frozenset({
    "betreff", "subject", "objet", "oggetto", "asunto", "assunto", "onderwerp", "ämne", "emne", "předmět", "temat",
    "тема", "tárgy", "aihe", "subiect", "konu", "θέμα", "predmet", "zadeva", "主题", "主旨", "件名", "제목",
})  # fmt: skip
REPEATED = FROM | DATE | TO | SUBJECT | {
    "bcc", "copie", "copia", "kopia", "kopi", "wichtigkeit", "priorität", "importance", "priority", "importanza",
    "importancia", "antwort an", "reply-to", "reply to", "anlagen", "anhänge", "attachments", "kategorien",
    "categories", "kk", "kopija", "másolat", "címzett", "vastaanottaja", "către", "kime", "кому", "копия",
    "收件人", "抄送", "宛先", "받는 사람",
}  # fmt: skip
"""The labels of the fields that are repeated above an older mail."""

POINTERS = frozenset({
    "fyi", "for your information", "for info", "see below", "please see below", "pls see below", "as below",
    "as discussed", "forwarded", "zur info", "zur information", "zur kenntnis", "zur kenntnisnahme", "z.k", "z. k",
    "zk", "zki", "zu eurer info", "zu ihrer information", "siehe unten", "s.u", "s. u", "siehe unterhalb",
    "siehe anbei",
    "wie besprochen", "weitergeleitet", "pour info", "pour information", "voir ci-dessous", "ci-dessous",
    "per conoscenza", "per tua informazione", "per informazione", "vedi sotto", "come sotto", "para tu información",
    "para su información", "ver abajo", "ver más abajo", "ter info", "ter informatie", "zie hieronder", "zie onder",
    "para informação", "ver abaixo", "för information", "se nedan", "til info", "se nedenfor", "do wiadomości",
    "viz níže",
})  # fmt: skip
"""Words that say nothing without the mail below them."""

_DEVICE = (
    r"(?!.*(?:\?|\b(?:ich|wir|ihr|dir|dich|euch|ihnen|hab|habe|haben|wurden?|nicht|schon|bereits|gestern|heute|vorhin"
    r"|leider|i|we|you|it|them|ago|yesterday|today|already|earlier|because|since|an hour|to (?:all|the|our)|je|vous"
    r"|hier|ieri|oggi|ayer|hoy|gisteren)\b))"
    r"(?=.*(?:phone|handy|mobil|android|ipad|ipod|\bios\b|tablet|devi[cs]e|gerät|galaxy|samsung|huawei|xiaomi|redmi|pixel"
    r"|oneplus|blackberry|nokia|sony|xperia|moto|\bhtc\b|honor|oppo|macbook|\bmac\b|watch|gmail|hotmail|mail app"
    r"|outlook|yahoo|proton|portable|appareil|dispositivo|telefon|tel[ée]fono|cellulare|m[óo]vil"
    r"|telefoon|toestel|celular|aparelho|telemóvel|urządzen"
    r"|пристро|устройств|телефон))"
)
DEVICES = (
    rf"(?:diese (?:e-?mail|nachricht) wurde )?von meine[mr] {_DEVICE}.{{2,60}} "
    r"(?:aus )?(?:gesendet|geschrieben|verschickt)",
    rf"gesendet von (?:meine[mr] {_DEVICE}.{{2,60}}|mail (?:für|for) windows\b.{{0,10}})",
    r"gesendet von (?:outlook\b.{0,40}|yahoo.{0,40}|proton.{0,40})",
    r"gesendet mit (?:der |dem )?(?:gmx|web\.de|outlook|proton|telekom|freenet|t-online).{0,60}",
    rf"(?:diese nachricht wurde )?von {_DEVICE}.{{0,60}}(?:android|ios|iphone|handy)\S*(?: \S+){{0,6}} gesendet",
    r"outlook für (?:ios|android|mac) (?:herunterladen|beziehen|abrufen)",
    r"holen sie sich outlook für (?:ios|android)",
    rf"sent from my {_DEVICE}.{{2,60}}",
    r"sent from (?:mail for windows.{0,10}|outlook\b.{0,40}|yahoo.{0,40}|proton.{0,40}|a mobile device)",
    r"sent from mailspring\b.{0,120}",
    r"sent (?:with|using) \[?(?:proton|gmx|outlook|the mail\.com).{0,60}",
    rf"sent via {_DEVICE}.{{2,40}}",
    r"get outlook for (?:ios|android|mac)",
    rf"envoyé (?:de|depuis) (?:mon|ma) {_DEVICE}.{{2,60}}",
    r"envoyé (?:à partir de|avec|depuis|de) (?:yahoo|outlook|proton|gmail|courrier pour windows|la messagerie).{0,60}",
    r"télécharger outlook pour (?:ios|android)",
    rf"inviato (?:da|dal) {_DEVICE}.{{2,60}}",
    rf"enviado desde (?:mi|outlook){_DEVICE}.{{0,60}}",
    rf"enviado (?:do|de) meu {_DEVICE}.{{2,60}}",
    rf"(?:verstuurd|verzonden) vanaf mijn {_DEVICE}.{{2,60}}",
    rf"skickat från min {_DEVICE}.{{2,60}}",
    rf"sendt fra min {_DEVICE}.{{2,60}}",
    rf"wysłane z {_DEVICE}.{{2,60}}",
    r"(?:iphone|ipad|android)\S{0,20}から送信",
    r"发自我的\s?.{2,30}",
)
"""Whole last lines that a program wrote, as regular expressions; a link may stand behind them."""
