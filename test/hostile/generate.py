# SPDX-License-Identifier: MIT
"""Makes mutants of C code: one per fence, locked operation, flush, wait, free and state test. Each has a name, as equivalent.txt
has it, that holds no line number: function and changed text."""
import re

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S)
FUNCTION = re.compile(r"^[A-Za-z_][^\n;]*?\b(\w+)\([^;{]*\)\n\{$(.*?)^\}$", re.M | re.S)
FENCE = re.compile(r"\b(?:cpu_[mls]fence|shared_fence_seq_cst)\(\)")
LOCKED = re.compile(r"\bshared_((?:add|or|and|exchange|cas)_seq_cst_u\d+)\(")
# Calls that take translations away, order memory or report to a gather: dropped whole where they are a statement.
FLUSH = re.compile(r"\b(?:cpu_invlpg|cpu_write_cr3|cpu_clflush|cache_writeback|flush_here|catch_up|mask_clear|gather_flush|"
                   r"gather_leaf|gather_table|gather_page|gather_finish|limbo_add|limbo_free|space_quarantine|"
                   r"space_load|space_leave|write_back_tables|queue_free)\(")
# Calls with an answer: the good one is put in their place.
ANSWER = re.compile(r"\b(flush_space|flush_others)\(")
# Interrupts held back: they are not.
IRQ = re.compile(r"\bcpu_irq_(?:save|off)\(\)")
WAIT = re.compile(r"\bcpu_(?:relax|wait_irq|poll_irq|mwait|hlt)\(")
FREE = re.compile(r"(?:[\w>.\[\]-]+->free|\btable_free|\bphys_free|\bgather_free_flushed)\(")
CALL = re.compile(r"\b[a-z_]\w*\(")
TEST = re.compile(r"\bif \(|\bwhile \(")
RETURN = re.compile(r"\breturn ([^;]*(?:&&|\|\||[!=]=|!)[^;]*);")
ASSIGNED = re.compile(r"\bbool (?:\w+ = \w+, )?(\w+) = ([^;]*);")


def blank(text):
    """The same length, comments and strings as spaces."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def close(text, start):
    """Index behind the parenthesis that closes the one at start - 1."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[start], 0)
        start += 1
    return start


def declared(text):
    """Up to the comma that begins the next variable."""
    depth = 0
    for at, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and not depth:
            return text[:at]
    return text


def operands(text):
    """[(start, end, operator before)] of the top level && and || of an expression."""
    found, depth, start, before, at = [], 0, 0, "", 0
    while at < len(text):
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(text[at], 0)
        if depth == 0 and text[at:at + 2] in ("&&", "||"):
            found.append((start, at, before))
            before, start = text[at:at + 2], at + 2
            at += 1
        at += 1
    found.append((start, len(text), before))
    return found


def short(text):
    return " ".join(text.split())


def conditions(start, condition):
    """(replacement of [start, end), end, name) for a condition: forced both ways, and each operand left out."""
    end = start + len(condition)
    yield "1", end, f"`{short(condition)}` is true"
    yield "0", end, f"`{short(condition)}` is false"
    parts = operands(condition)
    if len(parts) > 1:
        for first, last, before in parts:
            operator = before or parts[1][2]
            neutral = " 1 " if operator == "&&" else " 0 "
            changed = condition[:first] + neutral + condition[last:]
            yield changed, end, f"`{short(condition)}` without `{short(condition[first:last])}`"


def statements(pattern, kind, code, body):
    """Calls that are whole statements."""
    for match in pattern.finditer(code, *body):
        end = close(code, match.end())
        before = code[body[0]:match.start()].rstrip()
        if re.search(r"\b(?:return|=)[^;{}]*$", before):
            continue        # a cast of its value
        if code[end] == ";" and (before[-1:] in "{};)" or before.endswith("else")):
            yield match.start(), end, "(void)0", f"{kind} `{short(code[match.start():end])}`"


def changes(code, body, calls):
    for match in FENCE.finditer(code, *body):
        yield match.start(), match.end(), "(void)0", f"fence `{match[0]}`"
    for match in LOCKED.finditer(code, *body):
        yield match.start(), match.end(), f"unlocked_{match[1]}(", f"lock `{match[0][:-1]}`"
    if calls:
        yield from statements(CALL, "call", code, body)
    else:
        yield from statements(FLUSH, "flush", code, body)
        yield from statements(re.compile(r"\bcpu_irq_(?:restore|on)\("), "irq", code, body)
        yield from statements(WAIT, "wait", code, body)
        yield from statements(FREE, "free", code, body)
    for match in IRQ.finditer(code, *body):
        yield match.start(), match.end(), "0", f"irq `{match[0]}`"
    for match in ANSWER.finditer(code, *body):
        end = close(code, match.end())
        yield match.start(), end, "1", f"flush `{short(code[match.start():end])}`"
    for match in TEST.finditer(code, *body):
        condition = code[match.end():close(code, match.end()) - 1]
        for text, end, name in conditions(match.end(), condition):
            if match[0].startswith("while") and name.endswith("is true"):
                continue        # without an end, whatever it waits for
            yield match.end(), end, text, f"test {name}"
    for pattern, group in ((RETURN, 1), (ASSIGNED, 2)):
        for match in pattern.finditer(code, *body):
            value = declared(match[group])
            if pattern is ASSIGNED and value in ("true", "false") or "{" in value:
                continue
            for text, end, name in conditions(match.start(group), value):
                yield match.start(group), end, text, f"test {name}"


def found(text, calls=False):
    """(function, start, end, new text, what) of each change; calls: each call that is a statement is dropped, not only
    those that mm/ orders its memory with."""
    code = blank(text)
    for function in FUNCTION.finditer(code):
        seen = {}
        for start, end, new, what in changes(code, function.span(2), calls):
            seen[what] = seen.get(what, 0) + 1
            if seen[what] > 1:
                what += f" #{seen[what]}"
            yield function[1], start, end, new, what
