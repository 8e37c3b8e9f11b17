// Package requesttracker is the connector to Request Tracker 5: package desk's service desk, over a driver for its REST2 API.
//
// A ticket is one of a queue, and its marker is the value of a custom field. A comment carries its marker in a last line. Its
// key is the name of its queue with its number, "Access Requests #12", so a ticket that is moved to another queue has another key.
//
// What a reader of RT's documents would not expect:
//
//   - A change that RT refuses is answered with 200 and a list of sentences in the language of the account. So every change is
//     read back, and the sentences are for people only.
//   - An ETag is the id of the ticket's last transaction. Every change is made with If-Match, and 412 means that somebody was faster.
//   - RT keeps no marker, and says nothing, if the account may not set the custom field.
//   - A ticket that is deleted, or merged into another, still answers under its number: the first with the status deleted, the
//     second as the other ticket. Both count as gone. What a ticket inherits by a merge is no part of its own history.
//   - A date in a search is read in the time zone of the account, whatever zone it names. So usher searches by minutes ago.
//   - A page can be short, or say that it knows no total, because the account may not see some rows. Only an empty page ends a
//     list whose total is not known.
//   - Whoever opens a ticket by REST2 can write another account into it as its creator. Only the transaction that created it says who
//     was logged in.
//   - By which way a ticket came stands in a header of its first message. A mail can bring the same header; RT's own is then the first.
//   - An account that may not own an approval is left out without a word, and RT tells in no other way who may.
//   - In RT's own queue ___Approvals rules move what depends on an approval, and fail where nothing does. They hold nowhere else, and RT's
//     page of approvals shows those of every queue.
//   - A subject is cut to 200 bytes without a word, and so is every field of a user to its own limit.
//   - A list of users leaves out who is disabled, and with them does not say who is. A search leaves out a condition whose field it does
//     not know, and finds everybody.
package requesttracker
