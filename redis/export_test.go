package redis

import "fmt"

// Colliding returns two features of a view that have the same field.
func Colliding(view string) (a, b string) {
	seen := map[string]string{}
	for i := 0; ; i++ {
		name := fmt.Sprint("f", i)
		if other, ok := seen[valueField(view, name)]; ok {
			return other, name
		}
		seen[valueField(view, name)] = name
	}
}
