// Package scim grants access in, and reads people from, a directory that speaks SCIM 2.0 (RFC 7643, RFC 7644).
//
// Target is the Provisioner: a role is a group, and to hold it is to be its member. Grant finds the group and the
// account, reads the membership, sends one PATCH if it is not yet as wanted, and reads back. Source is the
// IdentitySource: a person is a user, looked up by the directory's id.
//
// Directories differ, so requests keep to the form that the strictest of them takes: one operation a PATCH with its
// op in lower case; `members` with an array of {value} to add, the filtered path `members[value eq "id"]` to remove,
// because some directories read a removal of `members` with a value as "remove everybody"; filters of `eq` and `and`;
// and never a whole member list. Any 2xx answer to a PATCH means nothing before it is read back, so no more than the
// beginning of it is read. A PATCH has no query: scimmy 1.3.5 drops from the group what excludedAttributes excludes
// from the answer.
//
// How a membership is read:
//
//  1. GET Groups/{id} and look through members. Who is listed holds the role. A list of 1 to 99 others is believed,
//     too: the subject does not hold it.
//  2. An empty list can be a hidden one (AWS IAM Identity Center lists no members), a list of 100 or more can be cut,
//     and one that is too long to read says nothing. Then the filter `id eq "G" and members.value eq "U"` is asked,
//     and where the directory refuses that, `id eq "G" and member eq "U"`. A hit counts only if the same filter for a
//     member that cannot exist has none; otherwise the directory ignores filters.
//  3. If it refuses both, the list stands as it was read; a list that could not be read is an error.
//
// The filter does not come first because it is the less reliable: better-auth 1.7.5 refuses it, and scimmy 1.3.5
// does as long as any group has no members (both seen on the servers of testdata/servers). Membership through a nested group
// is not seen, and a group's rules of its own (dynamic groups) are not known.
//
// A list of 100 or more is a costly way to read one membership, and a hidden one a useless way, so a grant into such a
// group does without it where it can. Target remembers a group whose filter has proved itself: it gave the group, and no
// other, for a member whom the list did not show, and not for one that cannot exist. Then a grant asks that filter before and after its PATCH, and reads no list. The
// filter still counts if its answer turned with the change, so a hit after the PATCH needs no other question. The
// first grant into a long group reads the list before its PATCH and, if the filter gave nothing then, the filter
// after it, with both questions. Whenever a filter does not show what it should, gives other groups or is refused,
// the group is forgotten, and the list is read as above. What is remembered says what to ask first, and not who holds
// what. A revoke and a verify always begin with the list: a filter that misses a member must not end what is there.
//
// A grant and a revoke change one membership. Whoever else was listed before the change and is not listed after it is counted in the
// verification: see Target.lost. Where no whole list is read after the change, in long and in hidden groups, that is not known.
//
// Groups and users are renamed, so a name that finds nothing proves nothing: NotFound. Their ids stay (RFC 7643, section
// 3.1). A verification names both, and whoever passes them on spares the look-ups, and has a revoke and a verify read the one
// group and the one user that were granted. There a 404 is the verification that the access is gone. A user who is gone holds
// nothing, even where a group still lists the user. With `roles_by: id` the role is such an id from the beginning, and with
// `match: id` the person's.
//
// A 404 is believed only if ServiceProviderConfig is there: a wrong base URL or a proxy in trouble answers 404
// to everything, and to believe it would end a revoke that never happened. Where listings are paged, pages advance by
// the number of records received, whatever the answer says about itself.
package scim
