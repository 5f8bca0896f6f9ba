#include <taper/taper.h>

#include <iostream>

int main() { std::cout << tp_version() << '\n'; }
