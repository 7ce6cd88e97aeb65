"""Random requests and replies of every IAM operation, as botocore writes and reads them: one JSON line each.

Made of botocore's own model of IAM, so that it also tells where that differs from ours. Usage: cases.py SEED COUNT
"""

import base64
import datetime
import json
import random
import re
import sys
import urllib.parse
from xml.sax.saxutils import escape

import botocore
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

SPECIAL = "aZ09 +/&=<>%\"'~-_.,:;@#é€😀\\"
TEXTS = ["/", "/a/", "v1", "o-aaaaaaaaaa", "p-aaaaaaaa", "http://a", "o-aaaaaaaaaa/r-aaaa", "111111", "111111111111",
         "arn:aws:iam::123456789012:role/x", "x", "X1"]


def words(chance, shape):
    """A text within the limits of its type, and wherever these allow it with characters that have to be escaped."""
    if shape.enum:
        return chance.choice(shape.enum)
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 64)
    pattern = shape.metadata.get("pattern")
    # botocore's models keep patterns, but it does not check them; Python does not know all that Java's do.
    fits = lambda text: least <= len(text) <= most
    if pattern:
        try:
            matcher = re.compile(pattern, re.ASCII)
            fits = lambda text: least <= len(text) <= most and matcher.fullmatch(text)
        except re.error:
            return "a" * max(least, 1)
    length = chance.randint(max(least, 0), min(most, max(least, 0) + 12))
    for alphabet in (SPECIAL, "aZ09 +/&=<>%\"'", "aZ09=,.@-_+", "abcXYZ019", "0123456789", "ABCDEFGH0123"):
        text = "".join(chance.choice(alphabet) for _ in range(length))
        if fits(text):
            return text
    for text in TEXTS + [text * max(least, 1) for text in ("a", "1", "A")]:
        if fits(text):
            return text
    return None


def policy(shape):
    return shape.name.lower().endswith("policydocumenttype")


def value(chance, shape, sent, above=()):
    """A value of a type, for a request (`sent`) or a reply; and what botocore is to read in a reply."""
    kind = shape.type_name
    if kind == "structure":
        members = {}
        # Of a union, one member.
        chosen = [chance.choice(sorted(shape.members))] if getattr(shape, "is_tagged_union", False) else shape.members
        for name in chosen:
            member = shape.members[name]
            wanted = chosen is not shape.members or name in shape.required_members or chance.random() < 0.7
            if wanted and member.name not in above:
                made = value(chance, member, sent, above + (member.name,))
                if made is not None:
                    members[name] = made
        return members
    if kind == "list":
        least = shape.metadata.get("min", 0)
        items = [value(chance, shape.member, sent, above) for _ in range(max(least, chance.randint(0, 3)))]
        return [item for item in items if item is not None]
    if kind == "map":
        made = ((words(chance, shape.key) or "k", value(chance, shape.value, sent, above)) for _ in range(chance.randint(1, 3)))
        return dict(made)
    if kind in ("integer", "long"):
        return chance.randint(shape.metadata.get("min", 0), min(shape.metadata.get("max", 9999), 9999))
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "timestamp":
        return f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T0{chance.randint(0, 9)}:30:59Z"
    if kind == "blob":
        return base64.b64encode(chance.randbytes(chance.randint(1, 9))).decode()
    if not sent and policy(shape):
        return json.dumps({"Version": "2012-10-17", "Statement": [], "Id": chance.choice(["é &", "a+b", "%41"])})
    return words(chance, shape)


def xml(shape, made):
    kind = shape.type_name
    if kind == "structure":
        return "".join(tag(name, shape.members[name], part) for name, part in made.items())
    if kind == "list":
        return "".join(tag("member", shape.member, item) for item in made)
    if kind == "map":
        return "".join(
            f"<entry><key>{escape(key)}</key>{tag('value', shape.value, part)}</entry>" for key, part in made.items())
    if kind == "boolean":
        return "true" if made else "false"
    text = str(made)
    return escape(urllib.parse.quote(text, safe="") if kind == "string" and policy(shape) else text)


def tag(name, shape, made):
    return f"<{name}>{xml(shape, made)}</{name}>"


def for_request(shape, made):
    """The value as botocore's callers give it."""
    kind = shape.type_name
    if kind == "structure":
        return {name: for_request(shape.members[name], part) for name, part in made.items()}
    if kind == "list":
        return [for_request(shape.member, item) for item in made]
    if kind == "map":
        return {key: for_request(shape.value, part) for key, part in made.items()}
    return base64.b64decode(made) if kind == "blob" else made


def as_read(shape, read):
    """What botocore's parser has read, as JSON. Documents are decoded elsewhere in botocore: here."""
    kind = shape.type_name
    if kind == "structure":
        return {name: as_read(shape.members[name], part) for name, part in read.items() if name in shape.members}
    if kind == "list":
        return [as_read(shape.member, item) for item in read]
    if kind == "map":
        return {key: as_read(shape.value, part) for key, part in read.items()}
    if isinstance(read, datetime.datetime):
        return read.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind == "blob":
        return base64.b64encode(read).decode()
    return urllib.parse.unquote(read) if kind == "string" and policy(shape) else read


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    model = ServiceModel(Loader().load_service_model("iam", "service-2"), "iam")
    serializer, parser = create_serializer("query"), create_parser("query")
    print(json.dumps({"botocore": botocore.__version__, "operations": sorted(model.operation_names)}))
    for name in model.operation_names:
        operation = model.operation_model(name)
        for number in range(count):
            chance = random.Random(f"{seed} {name} {number}")
            parameters, body = {}, {"Action": name, "Version": "2010-05-08"}
            if operation.input_shape:
                parameters = value(chance, operation.input_shape, True)
                given = for_request(operation.input_shape, parameters)
                body = serializer.serialize_to_request(given, operation)["body"]
            case = {"operation": name, "parameters": parameters, "body": sorted(body.items())}
            result, read = "", {}
            if operation.output_shape:
                made = value(chance, operation.output_shape, False)
                result = f"<{name}Result>{xml(operation.output_shape, made)}</{name}Result>"
            reply = (f'<{name}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">{result}'
                     f"<ResponseMetadata><RequestId>id-{number}</RequestId></ResponseMetadata></{name}Response>")
            response = {"status_code": 200, "headers": {}, "body": reply.encode()}
            parsed = parser.parse(response, operation.output_shape)
            if operation.output_shape:
                read = as_read(operation.output_shape, parsed)
            case.update(reply=reply, read=read, request_id=parsed["ResponseMetadata"]["RequestId"])
            print(json.dumps(case))


main()
