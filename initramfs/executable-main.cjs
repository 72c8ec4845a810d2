// The first lines of the executable: runs the agent's bundle, whose files are assets in it. Each has V8's
// compiled form beside it, which saves half of the start. Also run by build-exe.ts, with a folder and the
// names of the files in it, to make those.
const { readFileSync, writeFileSync } = require('node:fs');
const { getAsset, getAssetKeys, getRawAsset, isSea } = require('node:sea');
const { Script } = require('node:vm');

const modules = new Map();

/** Returns the exports of a file of the bundle, as `require` would. */
function load(name) {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  const cache = `${name}.cache`;
  const cachedData = assets.has(cache) ? new Uint8Array(getRawAsset(cache)) : undefined;
  const run = compile(name, getAsset(name, 'utf8'), cachedData).runInThisContext();
  const requireFrom = (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id));
  run(requireFrom, module, module.exports, `/${name}`, '/');
  return module.exports;
}

function compile(name, text, cachedData) {
  const wrapped = `(function (require, module, exports, __filename, __dirname) {${text.replace(/^#!/, '//')}\n})`;
  return new Script(wrapped, {
    filename: `/${name}`,
    cachedData,
  });
}

const assets = new Set(isSea() ? getAssetKeys() : []);
if (isSea()) {
  load('agent.js');
} else {
  const [, , folder, ...names] = process.argv;
  for (const name of names) {
    const script = compile(name, readFileSync(`${folder}/${name}`, 'utf8'));
    writeFileSync(`${folder}/${name}.cache`, script.createCachedData());
  }
}
