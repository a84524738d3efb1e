# Writes OUTPUT, a source file with a digest for each folder of the files that LIST names by their paths in ROOT: the
# identity of the compiler itself.
cmake_minimum_required(VERSION 3.25)
file(STRINGS ${LIST} sources)
set(folders "")
foreach(source ${sources})
  get_filename_component(folder ${source} DIRECTORY)
  if(NOT folder IN_LIST folders)
    list(APPEND folders ${folder})
    set(digests_${folder} "")
  endif()
  file(SHA256 ${ROOT}/${source} digest)
  string(APPEND digests_${folder} "${source} ${digest}\n")
endforeach()
list(SORT folders)
set(rows "")
foreach(folder ${folders})
  string(SHA256 digest "${digests_${folder}}")
  string(APPEND rows "    {\"${folder}\", \"${digest}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"compiler/driver/fingerprint.h\"

namespace eligo::compiler {

static constexpr Fingerprint made[] = {
${rows}};

std::span<const Fingerprint> fingerprints() { return made; }

}  // namespace eligo::compiler
")
