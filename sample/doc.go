// Package sample makes data to try the product with: months of StreamFlow, a
// video-streaming company with 7,043 subscribers, as folders of CSV files.
//
// The same options give the same bytes, on every machine. A row is made from
// the seed and its number alone, so a million users take no more memory than
// ten.
package sample
