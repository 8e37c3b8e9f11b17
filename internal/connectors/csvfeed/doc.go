// Package csvfeed reads people from a CSV file: one on a disk, or one that a web server gives, as a feed of a personnel system does.
//
// A file has no history and is not locked: whoever reads it may see the half of it that has been written. So the configuration says
// by what a file shows that it is whole, and without that nothing is believed: a last record with the number of rows (`whole.trailer`), a last
// line that is always the same (`whole.end_marker`), or a second file with the SHA-256 digest of the first (`whole.digest`). The whole file is read into memory
// and proved before the first person is handed over.
//
// What is wrong with a file, by the kind of the error:
//
//   - Transient: it is missing or empty, its end or its digest is missing or does not fit, it changed while it was read, it ends within a
//     character, or an HTML page came instead. It may be being written, and another reading may find it whole.
//   - Invalid: it is whole and cannot be read as it is configured. Columns are missing or there twice, bytes are no text of the
//     encoding, a quote is broken (where the rows after it begin cannot be known then), or it is longer than `max_bytes`.
//   - Forbidden: usher may not read it. A redirect is Forbidden, too: none is followed, so credentials go to no other host.
//
// What is wrong with one row is a problem of that row. Nobody is a person whose id stands in two rows. A row with a value that goes on in another
// line is a problem that names nobody: two stray quotes make one value of all rows between them.
//
// Lookup and FindPerson use what was read before as long as the file is the same, by its size, its time and its identity on the disk, or by its ETag or
// Last-Modified, and for a minute at most; an address that gives neither is asked once a minute. While a file cannot be read for a
// reason that may pass, they use the last whole one, for an hour at most. A listing always reads the file.
package csvfeed
