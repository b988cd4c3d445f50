package greet

import "testing"

func TestTo(t *testing.T) {
	if To("you") != "hello you" {
		t.Fatal(To("you"))
	}
}
