package sample

// permutation maps 0..n-1 onto itself, one to one, and looks random enough for
// made-up data: x → multiplier·x + offset (mod n).
type permutation struct {
	n, multiplier, offset uint64
}

// newPermutation chooses a permutation of 0..n-1 that maps 0 to first. Its
// multiplier is the first that will do from random on; it times any x that is
// asked for must fit 64 bits.
func newPermutation(n, random, first uint64) permutation {
	multiplier := random%n | 1
	for gcd(multiplier, n) != 1 {
		multiplier += 2
	}
	return permutation{n: n, multiplier: multiplier % n, offset: first}
}

func (p permutation) at(x uint64) uint64 {
	return (x*p.multiplier + p.offset) % p.n
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// A user id is four digits, a hyphen and five capital letters.
const (
	idDigits = 10_000
	idSpace  = idDigits * 26 * 26 * 26 * 26 * 26
)

// appendID appends the n-th of all user ids.
func appendID(b []byte, n uint64) []byte {
	digits, letters := n%idDigits, n/idDigits
	for place := uint64(1000); place > 0; place /= 10 {
		b = append(b, byte('0'+digits/place%10))
	}
	b = append(b, '-')
	for range 5 {
		b = append(b, byte('A'+letters%26))
		letters /= 26
	}
	return b
}

// idNumber is the inverse of appendID.
func idNumber(id string) uint64 {
	var digits, letters uint64
	for i := range 4 {
		digits = digits*10 + uint64(id[i]-'0')
	}
	for i := 9; i >= 5; i-- {
		letters = letters*26 + uint64(id[i]-'A')
	}
	return letters*idDigits + digits
}
