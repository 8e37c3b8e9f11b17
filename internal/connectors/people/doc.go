// Package people is what the sources that list people share: which field of a source's records is what of a person (Fields), and
// handing them over page by page (Pages). A source reads its records and proves that none is missing; it has nothing of its own for
// the rest.
package people
