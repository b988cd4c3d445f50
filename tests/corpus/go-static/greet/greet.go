// Package greet says hello.
package greet

// To greets.
func To(name string) string { return "hello " + name }
