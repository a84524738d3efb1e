# Writes OUTPUT, a source file with a digest of all files that LIST names: the identity of the compiler itself.
file(STRINGS ${LIST} sources)
set(digests "")
foreach(source ${sources})
  file(SHA256 ${source} digest)
  get_filename_component(name ${source} NAME)
  string(APPEND digests "${name} ${digest}\n")
endforeach()
string(SHA256 fingerprint "${digests}")
file(WRITE ${OUTPUT}
  "#include \"compiler/fingerprint.h\"\nconst char* const eligo::compiler::fingerprint = \"${fingerprint}\";\n")
