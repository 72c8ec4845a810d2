// Makes dist/web/: the page as one script, its style and icon, named after their content so that a
// browser may keep them for ever, each beside a compressed form.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

/** In the order in which they apply. */
const styles = [
  'base',
  'frame',
  'toolbar',
  'list',
  'card',
  'machine',
  'progress',
  'conflicts',
  'overview',
  'templates',
  'administration',
  'workflows',
  'phone',
];

const read = (name: string): string => readFileSync(`src/web/${name}`, 'utf8');

export async function buildPage(): Promise<void> {
  rmSync('dist/web', { recursive: true, force: true });
  mkdirSync('dist/web/assets', { recursive: true });
  const bundle = await rolldown({
    input: 'src/web/main.tsx',
    platform: 'browser',
    tsconfig: 'src/web/tsconfig.json',
    moduleTypes: { '.yaml': 'text' },
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();

  let html = read('index.html');
  for (const [name, content] of [
    ['main.tsx', output[0].code],
    ['styles.css', styles.map((style) => read(`styles/${style}.css`)).join('')],
    ['icon.svg', read('icon.svg')],
  ] as const) {
    html = html.replace(`"${name}"`, `"${writeAsset(name.replace('.tsx', '.js'), content)}"`);
  }
  writeWithCompressed('dist/web/index.html', html);
}

/** Writes a file under a name that holds its hash, and gives its path in an address. */
function writeAsset(name: string, content: string): string {
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 12);
  const path = `/assets/${name.replace('.', `-${hash}.`)}`;
  writeWithCompressed(`dist/web${path}`, content);
  return path;
}

function writeWithCompressed(file: string, content: string): void {
  writeFileSync(file, content);
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  writeFileSync(`${file}.br`, brotliCompressSync(content));
}
