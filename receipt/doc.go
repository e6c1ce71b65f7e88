// Package receipt says what a training set was made from and what is in it, so
// that it can be made again and held against what it was: the receipt that lies
// beside a file, the folder that keeps a copy of each, the hash of a content,
// and what differs between two of them.
package receipt
