# Writes OUTPUT, a source file with a digest of all files that LIST names, by their paths in ROOT: the identity of the
# compiler itself.
file(STRINGS ${LIST} sources)
set(digests "")
foreach(source ${sources})
  file(SHA256 ${ROOT}/${source} digest)
  string(APPEND digests "${source} ${digest}\n")
endforeach()
string(SHA256 fingerprint "${digests}")
file(WRITE ${OUTPUT}
  "#include \"compiler/driver/fingerprint.h\"\nconst char* const eligo::compiler::fingerprint = \"${fingerprint}\";\n")
