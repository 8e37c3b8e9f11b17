// Package rest makes one HTTP call and gives a value or an *access.Error. It knows no vendor.
//
// A call goes through a Transport: it waits for a token of this worker's share of the vendor's limit, sends with a
// deadline, follows no redirect, reads the whole answer up to a size cap and closes it. Settle then turns what came
// back into a Response or into an *access.Error whose kind depends on the status, the headers and the Mode: what a
// failure means for a read is not what it means for a create that cannot be repeated.
//
// Client is a Transport with a base URL, for connectors that need nothing else. A connector that drives a vendor's
// own client library gives it Transport.HTTPClient and settles the library's response.
//
// A Login below a Transport gets tokens for it from an OAuth 2.0 server.
//
// A call that is no GET or HEAD is not sent when it may end after the context's write deadline (access.WithWriteDeadline),
// by the time on the wall. That is looked at after everything that a call waits for: the rate, the token, the connection.
// What is left is the time between the first byte that net/http takes of a body and its arrival.
//
// Nothing here retries, save a Login whose token is refused before its end, and nothing sleeps but for the rate. No error
// text holds a configured secret, a URL's query or a body that ErrorText did not pick a sentence from.
package rest
