// Package ldap reads people from a directory that speaks LDAP: OpenLDAP, and Active Directory.
//
// A person is an entry below base_dn that matches the filter. Its id is an attribute that stays when names change: entryUUID, or
// objectGUID, which is written as people write it. Lookups ask for the exact id, and what is found is compared with it. A manager is the
// name of an entry (manager), and becomes the id of that entry if it is one of usher's people; a name that leads to nobody, to another
// base or to an entry that the filter leaves out is no manager, and no problem of the person.
//
// A directory hides what an account may not read, and answers with success. So nothing follows from an answer without entries before
// base_dn has shown itself: that is Forbidden, and not "nobody". An account that sees the base and not what is below it looks like one
// of an empty directory, and one that sees a part like one of a smaller company. No question to the directory tells these apart: the brakes on
// leavers are there for that.
//
// A listing is two searches on one connection: for ids alone, and for all attributes. Both are read page by page (RFC 2696), and must
// find the same names with the same ids. A directory that changes in between, repeats a page or leaves out people is Transient. An
// attribute of which Active Directory gives only the first values (memberOf;range=0-1499) is read to its end. References to other
// servers are not followed and make no person: the root of a domain refers to CN=Configuration and the zones of DNS, which have no people; Check
// names any other.
//
// Active Directory can be asked for changes, by the number that each server gives to its changes (uSNChanged). The numbers of two servers
// have nothing in common, and a restored server counts anew: the watermark has the server's name and the id of its database's life, and
// another server answers Invalid, so everybody is listed. A listing of changes has these searches:
//
//  1. containers that changed: the people in one that moves do not change, so there everybody must be listed (Invalid);
//  2. everybody in the domain who changed, whatever base and filter say;
//  3. those among them who are usher's people, twice, as above;
//  4. what was deleted (1.2.840.113556.1.4.417).
//
// Who is in 2 or 4 and not in 3 is gone: moved, outside the filter or deleted. These can be ids that no listing has had. Where the account may not read
// CN=Deleted Objects there is no watermark. Neither is there one where the filter or the fields use attributes such as memberOf, which
// change with the group and not with the person, nor where the id is no objectGUID, because nothing else stays with what was deleted. A watermark older
// than 30 days is Invalid: what was deleted is kept for a time only. A manager who leaves is not a change of the people below: that shows
// when everybody is listed.
package ldap
