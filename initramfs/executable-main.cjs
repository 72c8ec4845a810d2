// The first lines of the executable: runs the bundled agent, with V8's compiled form of it at hand,
// which saves half of the start. Also run by build-exe.ts (with two paths) to make that form.
const { readFileSync, writeFileSync } = require('node:fs');
const { getAsset, getRawAsset, isSea } = require('node:sea');
const { Script, constants } = require('node:vm');

// The agent starts its reader as Node would: the program and the path of a script beside its own.
const isReader = isSea() && process.argv[2] === '/reader.cjs';
if (isReader) process.argv.splice(1, 1);

const [, , source, cache] = process.argv;
const name = isReader ? 'reader.cjs' : 'agent.cjs';
const text = isSea() ? getAsset(name, 'utf8') : readFileSync(source, 'utf8');
const filename = `/${name}`;
const program = text.replace(/^#!/, '//');
const script = new Script(
  `(function (require, module, exports, __filename, __dirname) {${program}\n})`,
  {
    filename,
    // An empty or foreign cache is refused, and the text compiled as usual.
    cachedData: isSea() && !isReader ? new Uint8Array(getRawAsset('agent.cache')) : undefined,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  },
);
if (isSea()) script.runInThisContext()(require, module, exports, filename, '/');
else writeFileSync(cache, script.createCachedData());
