# Makes a source file of text files, a constant for each:
#   cmake -DSOURCE=FOLDER -DHEADER=INCLUDED -DPAIRS=NAME=FILE,NAME=FILE -DOUTPUT=FILE -P embed.cmake
set(text "// Made by embed.cmake.\n#include \"${HEADER}\"\n\nnamespace eligo {\n\n")
string(REPLACE "," ";" pairs "${PAIRS}")
foreach(pair ${pairs})
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 file)
  file(READ ${SOURCE}/${file} content)
  string(APPEND text "const char* const ${name} = R\"~~~(${content})~~~\";\n")
endforeach()
string(APPEND text "\n}  // namespace eligo\n")
file(WRITE ${OUTPUT} "${text}")
