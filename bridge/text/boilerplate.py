"""The words of what stands below a letter and was written by nobody: closings, disclaimers, company data, as data.

German, English, French, Italian, Spanish, Dutch, some Portuguese. Everything that is compared as it is is lower case.
"""

import re
from typing import Final

CLOSINGS: Final = frozenset({
    "mit freundlichen grüßen", "mit freundlichen grüssen", "mit freundlichem gruß", "mit freundlichem gruss", "mfg",
    "freundliche grüße", "freundliche grüsse", "freundlicher gruß", "mit besten grüßen", "beste grüße", "besten gruß",
    "beste grüsse", "viele grüße", "viele grüsse", "vielen dank und freundliche grüße", "liebe grüße", "liebe grüsse",
    "schöne grüße", "herzliche grüße", "herzliche grüsse", "mit herzlichen grüßen", "mit lieben grüßen", "lg", "vg",
    "bg", "hg", "sg", "gruß", "gruss", "grüße", "hochachtungsvoll", "mit kollegialen grüßen", "danke und lg",
    "vielen dank und lg", "danke und liebe grüße", "danke und beste grüße", "vielen dank und beste grüße",
    "vielen dank und viele grüße", "danke und viele grüße", "mit bestem dank", "vielen dank",
    "best regards", "kind regards", "kindest regards", "warm regards", "regards", "many thanks and best regards",
    "with best regards", "with kind regards", "thanks and regards", "thanks and best regards", "best wishes",
    "yours sincerely", "yours faithfully", "sincerely", "sincerely yours", "yours truly", "cheers", "best", "thanks",
    "thank you", "many thanks", "br", "rgds", "brgds",
    "cordialement", "bien cordialement", "très cordialement", "sincères salutations", "meilleures salutations",
    "avec mes meilleures salutations", "salutations", "bien à vous", "bien à toi", "salutations distinguées",
    "respectueusement", "amicalement", "cdlt", "merci et bonne journée", "bonne journée", "bien sincèrement",
    "cordiali saluti", "distinti saluti", "un cordiale saluto", "saluti", "cordialmente", "un saluto",
    "grazie e saluti", "i migliori saluti", "grazie e cordiali saluti", "con i migliori saluti", "in fede",
    "saludos", "un saludo", "saludos cordiales", "un cordial saludo", "atentamente", "muy atentamente",
    "cordiales saludos", "reciba un cordial saludo", "gracias y saludos",
    "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "vriendelijke groeten", "groeten",
    "mvg", "hartelijke groet", "hartelijke groeten", "hoogachtend", "met hartelijke groet", "groet",
    "atenciosamente", "cumprimentos", "com os melhores cumprimentos", "melhores cumprimentos", "med vänliga hälsningar",
    "vänliga hälsningar", "mvh", "med venlig hilsen", "venlig hilsen", "med vennlig hilsen", "vennlig hilsen",
    "pozdrawiam", "z poważaniem", "s pozdravem",
})  # fmt: skip
"""Lines with which a letter ends; a name follows."""

SENTENCES: Final = (
    "ps", "p.s", "pps", "nb", "n.b", "bitte", "achtung", "wichtig", "danke", "hinweis:", "übrigens", "please", "pls",
    "thank", "note:", "important", "attention", "merci", "s'il", "svp", "n'oublie", "nota", "importante", "attenzione",
    "grazie", "per favore", "gracias", "por favor", "atención", "alsjeblieft", "alstublieft", "let op", "belangrijk",
    "bedankt", "ich ", "wir ", "du ", "i ", "we ", "you ", "je ", "nous ",
)  # fmt: skip
"""How a writer's own line below his name begins."""

WANTED: Final = re.compile(
    r"signatur|kontaktdaten|unten steh|unterhalb|adress|indirizzo|dirección|coordonnées|recapit|contact details"
    r"|treffpunkt|treffen (?:wir|uns)|liefer(?:n|t|e)\b|anliefer|abhol|einsatzort|standort"
    r"|komm(?:t|en)? (?:bitte )?(?:zu|in)\b|meeting point|our (?:shop|premises)|deliver (?:it|them|here)|livrer"
    r"|consegnare|ritirare|recoger"
    r"|kontaktiere?n? (?:sie|mich|uns)|contact (?:me|us)|schreib(?:en|t)? (?:sie )?(?:mir|uns)|visitenkarte|our office",
    re.IGNORECASE,
)
CALLED: Final = re.compile(
    r"nummer|numéro|número|numero|number|rückruf|zurückruf|zurück ?zu ?rufen|ruf(?:t|en)? (?:sie )?(?:mich|uns)|anrufen"
    r"|anruf|erreich|call (?:me|us|back)|(?:phone|ring|reach) (?:me|us)|appel(?:er|ez|le)|rappel|chiama|richiam|llám"
    r"|llame|bel (?:me|mij|ons)|bellen|bereik",
    re.IGNORECASE,
)
"""Words above a closing that make the data below it part of what is said: all of it, or the telephone numbers."""

PAID: Final = re.compile(
    r"überweis|zahl|konto|rechnung|betrag|pay|invoice|transfer|virement|factur|bonific|fattur|pag[ao]|betal|€|\beur\b",
    re.IGNORECASE,
)
ACCOUNT: Final = re.compile(r"\b(?:IBAN|BIC|SWIFT)\b", re.IGNORECASE)
"""Words above a closing that make a bank account below it part of what is said."""

_DIGITS = r"\(?\+?\(?\d[\d ()./-]{4,}\d"
_TOP_LEVELS = "com|org|net|eu|at|de|ch|fr|it|es|nl|be|uk|li"
EVIDENCE: Final = {
    "phone": re.compile(
        r"(?:\b(?:tel|telefon|telephone|telefoon|telefono|teléfono|telefax|tél|téléphone|phone|mobil|mobile|mobiltelefon"
        r"|mobiel|handy|fax|cell|cellulare|cellphone|cel|móvil|movil|portable|gsm|direct|direkt|durchwahl|office|zentrale"
        r"|hotline|notruf|whatsapp|fijo|tfno|tlf)\b[^\w\n+(]{0,4}"
        r"|(?:^|[\s|·•/,])[TFMPD][.:]{0,2} {0,2})"
        rf"{_DIGITS}|(?:^|[\s|])\(?\+\d[\d ()./-]{{6,}}\d",
        re.IGNORECASE,
    ),
    "url": re.compile(rf"https?://\S|\bwww\.[\w-]+\.\w|(?:^|[\s|])[\w-]+\.(?:[\w-]+\.)?(?:{_TOP_LEVELS})\b(?!@)"),
    "mail": re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w"),
    "register": re.compile(
        r"\bFN ?\d{3,6} ?[a-z]\b|\bHR[AB] ?\d|\bATU ?\d|\bUSt-?Id|\bCHE-\d|\bP\.? ?IVA\b|\bC\.?F\.? ?(?:e|:)"
        r"|\bCap\. ?Soc"
        r"|\b(?:UID|USt|VAT|DVR|ZVR|RCS|TVA|SIREN|SIRET|REA|CIF|NIF|C\.I\.F|N\.I\.F|KvK|BTW|IBAN|BIC|Steuernummer)\b"
        r"|\b(?:Firmenbuch|Handelsregister|Handelsgericht|Amtsgericht|Registergericht|Landesgericht|Geschäftsführ|Vorstand)"
        r"|\bSitz (?:der Gesellschaft|in)\b|\bCapital social\b|\bPartita IVA\b|\bRegistro Mercantil\b"
        r"|\bCompany (?:no|number|reg)|\bReg(?:istered|istration)?\.? (?:in|office|no|number)\b",
        re.IGNORECASE,
    ),
    "address": re.compile(
        r"\b(?:[A-Z]{1,2}[- ])?\d{4,5},? +[A-ZÄÖÜÉ][\w'’-]+|\b\d{4} ?[A-Z]{2} +[A-Z]"
        r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"
        r"|(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|[Gg]asse|[Ww]eg|[Pp]latz|[Aa]llee|[Rr]ing|[Ss]traat|[Ll]aan) \d{1,4}\b"
        r"|\b\d{1,4},? (?:bis |ter )?(?:rue|avenue|boulevard|chemin|place)\b"
        r"|\b(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Cc]hemin|[Vv]ia|[Vv]iale|[Pp]iazza|[Cc]orso|[Cc]alle|[Aa]venida|[Pp]laza)\b"
        r"(?=.{0,60}\d)"
        r"|\b\d{1,4} (?:[A-Z][\w'’-]+ ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Drive|Way|Square)\b",
    ),
    "form": re.compile(
        r"\b(?:GmbH|gGmbH|G\.m\.b\.H|GesmbH|Ges\.m\.b\.H|mbH|AG|KG|OG|OHG|KGaA|UG|SE|e\. ?U|e\. ?V|e\. ?K|eG|Ltd"
        r"|Limited|Inc|LLC|LLP|PLC|plc|Corp|S\.?A\.?R\.?L|SàRL|Sàrl|SAS|SASU|EURL|SA|S\.A|S\.?[rR]\.?[lL]|S\.?p\.?A|S\.?n\.?c"
        r"|S\.?L\.?U?|B\.?V|N\.?V|V\.?O\.?F|Lda|ApS|Oy|AB(?=$|[ ,|]*$)|Kft|s\.r\.o)\b",
    ),
}  # fmt: skip
"""What marks a line as company data, by kind. Two kinds are evidence; one may be the writer's own."""

DISCLAIMER: Final = {
    "mail": (
        *("diese e-mail", "dieser e-mail", "diese mail", "dieser mail", "diese email", "dieser email", "dieses e-mail"),
        *("diese nachricht", "dieser nachricht", "dieses schreiben", "this e-mail", "this email", "this message"),
        *("this mail", "this communication", "this transmission", "ce message", "cet e-mail", "cet email", "ce mail"),
        *("ce courriel", "ce courrier", "présent message", "présent courriel", "présent e-mail", "questo messaggio"),
        *("questa e-mail", "questa email", "questa mail", "presente messaggio", "presente e-mail", "presente email"),
        *("presente comunicazione", "questa comunicazione", "este mensaje", "este correo", "este e-mail", "este email"),
        *("presente mensaje", "presente correo", "esta comunicación", "dit bericht", "deze e-mail", "deze email"),
        *("deze mail", "dit e-mailbericht", "esta mensagem", "die information in der", "die enthaltenen informationen"),
        *("information in this", "informations contenues", "informazioni contenute", "información contenida"),
        *("informatie in dit", "informatie verzonden", "diesem e-mail", "diesem schreiben", "message électronique"),
        *("mensaje de correo", "this e-mail's", "messaggio di posta", "detta meddelande", "den här e-post"),
    ),
    "confidential": (
        *("vertraulich", "confidential", "confidentiel", "riservat", "confidenzial", "confidencial", "vertrouwelijk"),
        *("privileged", "privilegi", "geheim", "rechtlich geschützt", "legally protected", "strettamente personal"),
    ),
    "recipient": (
        *("empfänger", "adressat", "recipient", "addressee", "intended", "destinataire", "destinatari", "destinad"),
        *("geadresseerde", "bestemd voor", "ontvanger", "bestimmt für", "addressed"),
    ),
    "error": (
        *("irrtümlich", "versehentlich", "nicht der richtige", "nicht der vorgesehene", "nicht der beabsichtigte"),
        *(
            "nicht der genannte",
            "nicht für sie bestimmt",
            "in error",
            "by mistake",
            "not the intended",
            "not an intended",
        ),
        *("par erreur", "n'êtes pas", "n’êtes pas", "per errore", "erroneamente", "por error", "por equivocación"),
        *(
            "per vergissing",
            "ten onrechte",
            "abusievelijk",
            "niet voor u bestemd",
            "niet de geadresseerde",
            "por engano",
        ),
        *("non siete", "non è il destinatario", "no es el destinatario", "irrtum", "fälschlich", "erroneously"),
        *("niet de beoogde", "nicht der adressat", "nicht der bezeichnete"),
    ),
    "delete": (
        *(
            "lösch",
            "vernicht",
            "delete",
            "deleting",
            "destroy",
            "supprim",
            "détrui",
            "destruction",
            "cancell",
            "distrug",
        ),
        *("eliminar", "elimine", "elimina ", "borrar", "borre", "destru", "verwijder", "vernietig", "apagar"),
    ),
    "sender": (
        *("absender", "sender", "expéditeur", "mittente", "remitente", "afzender", "remetente", "informieren sie"),
        *("benachrichtigen sie", "verständigen sie", "notify", "avertir", "avisar", "avvisar", "waarschuw"),
    ),
    "forbidden": (
        *("untersagt", "unzulässig", "verboten", "nicht gestattet", "nicht erlaubt", "nicht zulässig", "unbefugt"),
        *("prohibited", "unauthori", "strictly", "not permitted", "forbidden", "interdit", "strictement", "vietat"),
        *("proibit", "prohib", "niet toegestaan", "unlawful", "non autorisé", "non autorizzat", "no autorizad"),
    ),
    "spread": (
        *("weitergabe", "weiterleitung", "vervielfält", "verbreit", "kenntnisnahme", "disclosure", "disseminat"),
        *("distribut", "copying", "divulg", "diffusion", "reproduc", "verspreid", "openbaar", "any use", "copiado"),
        *("kopieren", "diffusione", "utilizzo"),
    ),
    "law": (
        *("rechtsverbindlich", "legally binding", "dsgvo", "gdpr", "rgpd", "2016/679", "196/2003", "ley orgánica"),
        *(
            "datenschutz",
            "privacy",
            "haftung",
            "liability",
            "liable",
            "responsab",
            "aansprakelijk",
            "protección de datos",
        ),
        *("viren", "virus", "unverschlüsselt", "intégrité", "not guarantee", "anhäng", "anlagen", "attachment"),
        *("pièces jointes", "allegati", "adjuntos", "bijlage"),
    ),
}
"""What disclaimers say, by kind: a paragraph of "mail" and three other kinds is one."""

HEADINGS: Final = frozenset({
    "disclaimer", "haftungsausschluss", "vertraulichkeitshinweis", "rechtlicher hinweis", "rechtshinweis", "hinweis",
    "wichtiger hinweis", "datenschutzhinweis", "confidentiality notice", "confidentiality note", "legal notice",
    "legal disclaimer", "important notice", "email disclaimer", "e-mail disclaimer", "notice", "privacy notice",
    "avertissement", "avis de confidentialité", "clause de confidentialité", "confidentialité", "mentions légales",
    "avviso di riservatezza", "avvertenza", "avvertenze", "nota di riservatezza", "informativa privacy", "riservatezza",
    "aviso legal", "aviso de confidencialidad", "confidencialidad", "cláusula de confidencialidad",
    "vertrouwelijkheid", "proclaimer", "privacyverklaring", "confidential", "vertraulich",
})  # fmt: skip
"""Lines alone above a disclaimer."""

INFORMAL: Final = re.compile(r"\b(?:du|dich|dir|dein\w*|euch|euer|eure\w*)\b", re.IGNORECASE)
"""No disclaimer speaks like that."""

VIRUS_FREE: Final = re.compile(
    r"\bvirus[- ]?free\b|\bviren?frei\b|\bsans virus\b|\blibre de virus\b|\bsin virus\b|\bprivo di virus\b"
    r"|\bvirusvrij\b",
    re.IGNORECASE,
)
SCANNERS: Final = re.compile(r"\b(?:avast|avg)\.(?:com|de|at|ch)\b", re.IGNORECASE)
"""Scanners that put their own address below a mail, and what they say there."""

SCANNED: Final = re.compile(
    r"auf (?:viren|schadsoftware)\b.{0,40}(?:ge|über)prüft|virengeprüft|viren?frei|virus[- ]free"
    r"|(?:checked|scanned|tested) (?:for|by|with) .{0,40}(?:virus|malware|mailscanner|spam)"
    r"|absence de virus|(?:analysé|vérifié|contrôlé) par .{0,40}(?:virus|logiciel)"
    r"|(?:controllat|verificat|analizzat)[ao] .{0,40}virus|(?:comprobado|analizado) .{0,40}virus"
    r"|(?:gecontroleerd|gescand|gescanned) op virus|gescannt (?:von|mit|durch) .{0,40}virus",
    re.IGNORECASE,
)
"""What gateways say they did with "this e-mail"."""

NOT: Final = re.compile(
    r"\b(?:nicht|konnte|not|could|failed|without|n['’]a pas|non è|no (?:ha|se)|niet)\b", re.IGNORECASE
)
"""What makes news of it."""

PAPER: Final = (
    re.compile(r"umwelt|environment|environnement|ambiente|milieu", re.IGNORECASE),
    re.compile(
        r"(?:aus)?(?:ge)?druck(?:en|t|e)?\b|\bprint(?:ing|ed)?\b|imprim|stampa(?:re|ta|te)?\b|papier|paper",
        re.IGNORECASE,
    ),
    re.compile(
        r"mail|nachricht|message|messaggio|courriel|courrier|mensaje|correo|bericht",
        re.IGNORECASE,
    ),
    re.compile(
        r"denk|überleg|prüfen sie|schon|schütz|schutz|zuliebe|rücksicht|verantwort|wirklich|notwendig|nötig|bevor"
        r"|consider|think|save|protect|responsib|really|necessary|before"
        r"|pens|réfléch|respect|protég|nécess|avant|rispett|considera|prima|necess|piens|tenga|cuid|antes"
        r"|denkt|bespaar|nodig|voordat",
        re.IGNORECASE,
    ),
)
"""A short paragraph with all of them and no number asks for paper to be saved."""

BECAUSE: Final = re.compile(
    r"you(?:'re| are)? (?:receiv\w+|getting) this(?: e-?mail| message| mail| notification)?.{0,20}"
    r"because (?:you|your e)"
    r"|sie (?:erhalten|bekommen|haben) diese (?:e-?mail|nachricht|mail)\b.{0,40}weil (?:sie|ihre e)"
    r"|vous recevez ce (?:message|courriel|mail|e-mail).{0,20}(?:car|parce que?) ?['’]?vous"
    r"|(?:hai ricevuto|ricevi|ha ricevuto) quest[oa] .{0,20}(?:perché|in quanto)"
    r"|(?:recibes?|ha recibido|has recibido) este .{0,20}porque|u ontvangt (?:deze|dit).{0,40}omdat (?:u|je)",
    re.IGNORECASE,
)
LISTENS: Final = re.compile(
    r"subscri|member|signed up|registered|opted|follow|watch|mention|assign|author|settings|preferences|account|thread"
    r"|abonn|angemeldet|abmeld|abbestell|registriert|eingetragen|mitglied|newsletter|verteiler|konto|einstellung"
    r"|inscri|iscri|suscri|desuscri|darse de baja|aangemeld|afmeld|ingeschreven",
    re.IGNORECASE,
)
"""Why somebody gets such mails, with an address to end it: the first alone may be an alarm ("because web1 is down")."""

SUBSCRIBED: Final = re.compile(
    r"to (?:unsubscribe|stop receiving).{0,200}(?:https?:|www|@)|unsubscribe (?:from|here|at|:)"
    r"|manage your (?:subscription|notification)"
    r"|reply to this (?:e-?mail|message) directly"
    r"|newsletter (?:abbestellen|abmelden)"
    r"|(?:abbestellen|abmelden)(?: unter)?:? {0,2}<?https?:|um sich (?:von|aus) .{0,60}abzumelden"
    r"|pour vous d[ée]s(?:abonner|inscrire)|annulla(?:re)? l['’]iscrizione"
    r"|para darse de baja|cancelar (?:la|tu|su) suscripción|afmelden (?:voor|via|van)",
    re.IGNORECASE,
)
LISTED: Final = re.compile(
    r"mailing-? ?list|listinfo|liste de diffusion|lista di (?:discussione|distribuzione)"
    r"|lista de (?:correo|distribución)"
    r"|mailinglijst"
    r"|unsubscribe|abmelden|abbestellen|désabonn|désinscri|cancella(?:re|zione)|darse de baja|afmelden"
    r"|uitschrijven",
    re.IGNORECASE,
)
"""What lists add, with an address: the first anywhere at the end, the second below a line."""
