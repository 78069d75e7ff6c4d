# Turns VMAFUZZ_SANITIZE and VMAFUZZ_COVERAGE into flags for everything that is added after this.

if(VMAFUZZ_SANITIZE)
  list(JOIN VMAFUZZ_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
  if("undefined" IN_LIST VMAFUZZ_SANITIZE)
    # Undefined behaviour ends the program: a report that scrolls by in a passing test helps nobody.
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(VMAFUZZ_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
