// Cuts built-in JavaScript that an agent never loads out of a Node binary: a WebAssembly compiler for
// TypeScript, QUIC, HTTP/2, the test runner, the REPL … a tenth of the packed binary.

/** Names of builtins, as `require('node:module').builtinModules` and Node's lib/ folder have them. */
const UNUSED = [
  /^internal\/deps\/(?:amaro|acorn|minimatch|v8\/tools)\//,
  /^internal\/(?:quic|http2|dtls|test_runner|bench_runner|debugger|repl|vfs|zip|watch_mode)\b/,
  /^internal\/(?:wasi|fs\/glob)$/,
  /^(?:repl|wasi|http2|test|test\/reporters)$/,
];

/** Blanks, in place, the source of every builtin that UNUSED names, and gives how many bytes that is.
 *  Whoever uses one all the same gets a SyntaxError that names it. `sources` are the builtins of the
 *  same version of Node.
 *  Errors: throws where none of them is in the binary. */
export function trimBuiltins(binary: Buffer, sources: ReadonlyMap<string, string>): number {
  let freed = 0;
  for (const [name, source] of sources) {
    if (!UNUSED.some((pattern) => pattern.test(name))) continue;
    // Node keeps Latin-1 text as it is and all other text in UTF-16.
    for (const encoding of ['latin1', 'utf16le'] as const) {
      const at = binary.indexOf(source, 0, encoding);
      if (at >= 0) freed += binary.write('\n'.repeat(source.length), at, encoding);
    }
  }
  if (freed === 0) throw new Error('this Node binary holds none of the builtins looked for');
  return freed;
}

/** The sources of this very Node's builtins, by name. */
export function builtinSources(): ReadonlyMap<string, string> {
  // An interface of Node's own tools, without types; there is no other way to the whole list.
  const binding: unknown = Reflect.get(process, 'binding');
  const natives: unknown = typeof binding === 'function' ? binding.call(process, 'natives') : {};
  return new Map(
    Object.entries(natives ?? {}).filter((entry): entry is [string, string] => {
      return typeof entry[1] === 'string';
    }),
  );
}
