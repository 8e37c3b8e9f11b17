// Package snapshot decides what a listing of people means: who is new, who changed, who moved, who left and who came back. It compares the
// listing with the snapshot of people, one person at a time, and holds back what looks like a mistake of the source (Brakes). It is pure:
// the snapshot, the listing and the day are given to it.
package snapshot
