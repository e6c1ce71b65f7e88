package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
)

// differentRequests is how many requests a turn goes round.
const differentRequests = 64

func userID(n int) string { return fmt.Sprintf("%07d-USER", n) }

// makeRequests returns the requests of a cell, for each contender. The floor is
// told by its path which features, and how many bytes to answer: as many as we
// do. Feast's answer has to hold the values of ours.
func makeRequests(o options, c cell, contenders []*contender) ([][][]byte, error) {
	random := rand.New(rand.NewPCG(1, uint64(c.entities)))
	requests := make([][][]byte, len(contenders))
	length := 0
	for n := range differentRequests {
		keys := make([]string, c.entities)
		for i := range keys {
			keys[i] = `"` + userID(random.IntN(o.users)) + `"`
		}
		body := fmt.Sprintf(`{"feature_service":"of%d","entities":{"user_id":[%s]}}`, c.features, strings.Join(keys, ","))
		ours := post("/get-online-features", body)
		if n == 0 {
			first, err := once(contenders[1].address, ours)
			if err != nil {
				return nil, err
			}
			length = len(first)
			for _, k := range contenders[2:] {
				theirs, err := once(k.address, ours)
				if err == nil {
					err = sameValues(first, theirs)
				}
				if err != nil {
					return nil, fmt.Errorf("%s: %w", k.name, err)
				}
			}
		}
		requests[0] = append(requests[0], post(fmt.Sprintf("/of%d/%d", c.features, length), body))
		for i := range contenders[1:] {
			requests[i+1] = append(requests[i+1], ours)
		}
	}
	answer, err := once(contenders[0].address, requests[0][0])
	if err == nil && len(answer) != length {
		err = fmt.Errorf("the floor answers %d bytes instead of %d", len(answer), length)
	}
	return requests, err
}

func post(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// once sends one request and returns the answer's body.
func once(address string, request []byte) ([]byte, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	return answer(bufio.NewReader(conn), []byte{})
}

// sameValues compares two answers of Feast's form, column by column.
func sameValues(ours, theirs []byte) error {
	a, err := columns(ours)
	if err != nil {
		return err
	}
	b, err := columns(theirs)
	if err != nil {
		return err
	}
	if names := slices.Sorted(maps.Keys(a)); !slices.Equal(names, slices.Sorted(maps.Keys(b))) {
		return fmt.Errorf("it answers other columns than %q", names)
	}
	for name := range a {
		if a[name] != b[name] {
			return fmt.Errorf("%s is %.200s, and ours is %.200s", name, b[name], a[name])
		}
	}
	return nil
}

func columns(text []byte) (map[string]string, error) {
	var answer struct {
		Results []struct {
			Values   json.RawMessage `json:"values"`
			Statuses []string        `json:"statuses"`
		} `json:"results"`
		Metadata struct {
			Names []string `json:"feature_names"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%w in %.200s", err, text)
	}
	all := map[string]string{}
	for i, name := range answer.Metadata.Names {
		if slices.ContainsFunc(answer.Results[i].Statuses, func(s string) bool { return s != "PRESENT" }) {
			return nil, fmt.Errorf("%s was not found for every user", name)
		}
		all[name] = strings.ReplaceAll(string(answer.Results[i].Values), ", ", ",")
	}
	return all, nil
}
