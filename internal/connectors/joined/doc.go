// Package joined makes one source of people of several: a personnel system that knows who is there, and directories that know more of them.
//
// The first source decides who there is: the ids, who is active, managers, and the first and last days of employments. The others only
// add what else is known of these people, and override it where the configuration puts them first. Each source has a key, a field whose value joins its
// records with those of the others, as access.FoldKey compares them.
//
// A record of another source that joins nobody is left out. Where a key is not of one person of the first source and of one record of
// another, nobody knows whose the record is, unless all but one of the people have left: that person is a problem, and nothing of the record is anybody's. So is a person whose record in
// another source cannot be read. But whoever leaves by the first source leaves, whatever is unclear elsewhere.
//
// A listing is whole if the listings of all sources are. All of them are read before anybody is handed over: an error of one is an error of all, and nobody
// looks like somebody without a value because one source is down. To look somebody up asks all of them as well. Nothing is kept between
// calls.
package joined
