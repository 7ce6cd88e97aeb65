"""An IAM over TLS that answers at once with always the same, so that what is measured is the client.

    python3 canned_https.py CERTIFICATE.pem KEY.pem      prints its port, and serves until it is killed

Keeps connections open, as AWS does. Looks at nothing of a request but its Action.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from urllib.parse import parse_qs

ACCOUNT = "123456789012"
REQUEST_ID = "7a62c49f-347e-4fc4-9331-6e8e00000000"
USER = "alice"
GROUPS = ["admins", "developers"]
POLICIES = ["ReadOnlyAccess", "job-function/Billing"]


def group(name: str) -> str:
    return (f"<member><Path>/</Path><GroupName>{name}</GroupName><GroupId>AGPA{name.upper():X<17}</GroupId>"
            f"<Arn>arn:aws:iam::{ACCOUNT}:group/{name}</Arn><CreateDate>2025-01-15T09:00:00Z</CreateDate></member>")


def policy(name: str) -> str:
    return (f"<member><PolicyName>{name.split('/')[-1]}</PolicyName>"
            f"<PolicyArn>arn:aws:iam::aws:policy/{name}</PolicyArn></member>")


RESULTS = {
    "GetUser": f"<User><Path>/</Path><UserName>{USER}</UserName><UserId>AIDAALICEXXXXXXXXXXXX</UserId>"
               f"<Arn>arn:aws:iam::{ACCOUNT}:user/{USER}</Arn><CreateDate>2025-02-03T10:12:00Z</CreateDate></User>",
    "ListGroupsForUser": f"<Groups>{''.join(map(group, GROUPS))}</Groups><IsTruncated>false</IsTruncated>",
    "ListAttachedUserPolicies": f"<AttachedPolicies>{''.join(map(policy, POLICIES))}</AttachedPolicies>"
                                f"<IsTruncated>false</IsTruncated>",
    "GetCallerIdentity": f"<Arn>arn:aws:iam::{ACCOUNT}:user/operator</Arn><UserId>AIDAOPERATORXXXXXXXXX</UserId>"
                         f"<Account>{ACCOUNT}</Account>",
}


def reply(action: str) -> bytes:
    namespace = ("https://sts.amazonaws.com/doc/2011-06-15/" if action == "GetCallerIdentity"
                 else "https://iam.amazonaws.com/doc/2010-05-08/")
    metadata = f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
    status, body = "200 OK", (f'<{action}Response xmlns="{namespace}"><{action}Result>{RESULTS.get(action)}'
                              f"</{action}Result>{metadata}</{action}Response>")
    if action not in RESULTS:
        status, body = "400 Bad Request", (f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type>'
                                           f"<Code>InvalidAction</Code><Message>Not canned: {action}</Message></Error>"
                                           f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>")
    head = (f"HTTP/1.1 {status}\r\nx-amzn-RequestId: {REQUEST_ID}\r\nContent-Type: text/xml\r\n"
            f"Content-Length: {len(body.encode())}\r\n\r\n")
    return (head + body).encode()


REPLIES = {action: reply(action) for action in RESULTS}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(fields.get(b"content-length", 0)))
            action = parse_qs(body.decode()).get("Action", [""])[0]
            writer.write(REPLIES.get(action) or reply(action))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        writer.close()


async def main(certificate: str, key: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
