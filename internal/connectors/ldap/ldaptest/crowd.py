# Adds a crowd to a domain: crowd.py <folder of the domain>, with the crowd as JSON on standard input; see Crowd in crowd.go.
#
# Samba itself makes the unit, the manager and the first of the crowd. The others are copies of the first, written into the file of the
# domain's partition: that is several times as fast. They have its number of a change too, so the server's counter stays right.
import json
import struct
import sys
import uuid

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

home, crowd = sys.argv[1], json.load(sys.stdin)
base, mails, title = crowd["base"], crowd["mail_domain"], crowd["title"]
unit = "OU=%s,%s" % (crowd["unit"], base)
# Without the room for them, each entry is looked for among all others that the transaction adds.
fast = ["batch_mode:1", "transaction_index_cache_size:500009"]
# The first RID is above what the server gives out in the life of a test.
first_rid = 1_000_000

lp = LoadParm()
lp.load(home + "/etc/smb.conf")
lp.set("ldb:nosync", "true")
sam = SamDB(url=home + "/private/sam.ldb", session_info=system_session(), lp=lp)


def names(login):
    return {
        "cn": login, "sAMAccountName": login, "displayName": "Employee " + login,
        "mail": "%s@%s" % (login, mails), "userPrincipalName": "%s@%s" % (login, mails),
    }


def enrol(login, **more):
    entry = {"dn": "CN=%s,%s" % (login, unit), "objectClass": "user", "userAccountControl": "512", **names(login), **more}
    sam.add(entry)
    return entry["dn"]


sam.add({"dn": unit, "objectClass": "organizationalUnit"})
manager = enrol(crowd["manager"])
first = enrol("%s1" % crowd["prefix"], title=title, manager=manager)

raw = SamDB(url="mdb://%s/private/sam.ldb.d/%s.ldb" % (home, base.upper()), session_info=system_session(), lp=lp, options=fast, global_schema=False)
raw.set_schema_from_ldb(sam, False)
found = raw.search(first, scope=ldb.SCOPE_BASE)[0]
pattern = {name: [bytes(v) for v in found[name]] for name in found if name not in ("dn", "distinguishedName")}
domain_sid = pattern["objectSid"][0][:-4]

raw.transaction_start()
for n in range(2, crowd["size"] + 1):
    login = "%s%d" % (crowd["prefix"], n)
    message = ldb.Message(ldb.Dn(raw, "CN=%s,%s" % (login, unit)))
    copied = {
        **pattern, **{name: [text] for name, text in names(login).items()}, "name": [login],
        # Ids in order are quick to put into the indexes.
        "objectGUID": [uuid.UUID(int=n, version=4).bytes], "objectSid": [domain_sid + struct.pack("<I", first_rid + n)],
    }
    for name, values in copied.items():
        message[name] = ldb.MessageElement(values, ldb.FLAG_MOD_ADD, name)
    raw.add(message)
raw.transaction_commit()
