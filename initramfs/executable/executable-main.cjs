// The first lines of the executable: runs the agent's bundle, whose files are assets in it. Each has V8's
// compiled form beside it, which saves more than half of the start. Also run by build-exe.ts to make those: the
// bundle then checks a recorded machine in, and what V8 has compiled by its end is written.
const fs = require('node:fs');
const { basename } = require('node:path');
const { getAsset, getAssetKeys, getRawAsset, isSea } = require('node:sea');
const { Script } = require('node:vm');

const assets = new Set(isSea() ? getAssetKeys() : []);
const modules = new Map();
const scripts = new Map();
/** Where bundle and machine are while the executable is being built. */
let [folder, machine] = ['', ''];

/** Returns the exports of a file of the bundle, as `require` would. */
function load(name) {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  const run = compile(name).runInThisContext();
  const requireFrom = (id) => (id.startsWith('./') ? load(id.slice(2)) : builtin(id));
  run(requireFrom, module, module.exports, `${folder}/${name}`, `${folder}/`);
  return module.exports;
}

function compile(name) {
  const text = isSea() ? getAsset(name, 'utf8') : fs.readFileSync(`${folder}/${name}`, 'utf8');
  const wrapped = `(function (require, module, exports, __filename, __dirname) {${text.replace(/^#!/, '//')}\n})`;
  const cache = `${name}.cache`;
  const script = new Script(wrapped, {
    filename: `/${name}`,
    cachedData: assets.has(cache) ? new Uint8Array(getRawAsset(cache)) : undefined,
  });
  if (!isSea()) scripts.set(name, script);
  return script;
}

/** A module of Node. In a build the host's own /proc is the machine's, or its mounts and kernel command line would
 *  be seen in the bytes. */
function builtin(id) {
  if (machine === '' || id !== 'node:fs') return require(id);
  const found = (path) => (String(path).startsWith('/proc/') ? `${machine}${path}` : path);
  return {
    ...fs,
    existsSync: (path) => fs.existsSync(found(path)),
    readFileSync: (path, options) => fs.readFileSync(found(path), options),
    statSync: (path, options) => fs.statSync(found(path), options),
  };
}

/** Makes the agent's command line of the builder's (bundle, machine, server), and writes the compiled forms once
 *  the agent has ended. Files that it had no use for are compiled as far as V8 does that unasked. */
function writeCaches() {
  let server;
  [folder, machine, server] = process.argv.splice(2);
  process.argv.push('run', '--once', '--root', machine, '--server', server);
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.js'));
  process.once('exit', () => {
    for (const name of names) {
      const script = scripts.get(name) ?? compile(name);
      fs.writeFileSync(`${folder}/${name}.cache`, script.createCachedData());
    }
  });
}

// The netboot image has the dynamic linker start it (content/agent-program.ts), which Node takes for itself: the name
// that the linker was told is that of the program.
if (basename(process.execPath).startsWith('ld-linux')) process.execPath = process.argv0;
if (!isSea()) writeCaches();
// An agent starts one of its own to read files: a program with arguments of its own, and no use for commands.
const isReader = process.argv[2] === 'read-files';
if (isReader) process.argv.splice(2, 1);
load(isReader ? 'reader.js' : 'agent.js');
