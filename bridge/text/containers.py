"""The elements in which mail programs wrap quotations and signatures in HTML, and how they are taken out of sight.

Marked as hidden instead of removed, so that the order of text around them cannot be disturbed.
"""

from lxml import etree

from bridge.text import sight

_SIGNATURES = {
    *("gmail_signature", "gmail_signature_prefix", "moz-signature", "protonmail_signature_block"),
    *("ms-outlook-mobile-signature", "Signature", "AppleMailSignature", "composer_signature", "edo-signature"),
    "DAB4FAD8-2DD7-40BB-A1B8-4E2AA1F9FDF2",  # Avast's and AVG's line, in every mail the same
}
_QUOTES = {
    *("moz-cite-prefix", "gmail_attr", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "OutlookMessageHeader"),
    *("mail-editor-reference-message-container", "OLK_SRC_BODY_SECTION", "isForwardContent", "zmail_extra"),
    *("moz-forward-container", "AppleOriginalContents", "reply-intro", "gmail_quote_attribution", "sh-quoted-content"),
}
_QUOTE_NAMES = {"quote", "messageReplySection"}
_FROM_HERE = {"appendonsend", "divRplyFwdMsg", "zwchr"}


def hide_signatures(root: etree._Element) -> bool:
    """Hide what a mail program marked as the signature; whether there was any."""
    return _hide([element for element in root.iter(etree.Element) if _signs(element)])


def _signs(element: etree._Element) -> bool:
    if element.tag == "signature" or element.get("name") == "messageSignatureSection":
        return True
    return not _names(element).isdisjoint(_SIGNATURES)


def hide_quotes(root: etree._Element) -> bool:
    """Hide what a mail program marked as quoted; whether there was any. Answers between quotations stay.

    `markup.render` puts marks in the place of a quotation, so that whoever reads the lines knows that what stands below
    is no longer the older mail.
    """
    found: list[etree._Element] = []
    quoted: list[etree._Element] = []
    for element in root.iter(etree.Element):
        names = _names(element)
        if not names.isdisjoint(_FROM_HERE):
            found.append(element)
            element.tail = None
            for sibling in element.itersiblings():
                if sibling.get("hidden") is not None:
                    break  # hidden with its own followers already
                found.append(sibling)
                sibling.set("hidden", "")
                sibling.tail = None
        elif _quotes(element, names):
            quoted.append(element)
    return any((_hide(quoted, sight.QUOTED), _hide(found)))


def _quotes(element: etree._Element, names: set[str]) -> bool:
    if not names.isdisjoint(_QUOTES) or any(name.endswith("yahoo_quoted") for name in names):
        return True
    if element.tag == "blockquote":
        return (element.get("type") or "").lower() == "cite" or "gmail_quote" in names
    if "gmail_quote" in names:
        return element.find(".//blockquote") is None  # a forwarded mail; an answer may stand between blockquotes
    return element.tag == "div" and element.get("name") in _QUOTE_NAMES


def _names(element: etree._Element) -> set[str]:
    found = set((element.get("class") or "").split())
    found.add(element.get("id") or "")
    return found


def _hide(elements: list[etree._Element], how: str = "") -> bool:
    for element in elements:
        element.set("hidden", how)
    return bool(elements)
