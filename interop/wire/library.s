// Empty: without a file of assembly the compiler wants a body for each function of library.go.
