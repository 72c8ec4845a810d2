// Debian packages, fetched with apt and unpacked into the cache: nothing is installed, no root needed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { architectures, type Arch } from '../arch.ts';
import { cacheDir, requireTools, run } from '../tools.ts';

/** A package as it came from the distribution, and the folder that it was unpacked into. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly root: string;
}

/** apt with lists and an architecture of its own, over the mirrors and keys of this host. */
export class Apt {
  readonly #arch: Arch;
  readonly #config: string;
  readonly #folder: string;

  constructor(arch: Arch) {
    requireTools({ 'apt-get': 'apt', 'dpkg-deb': 'dpkg' });
    this.#arch = arch;
    this.#folder = join(cacheDir, 'apt', architectures[arch].debian);
    this.#config = join(this.#folder, 'apt.conf');
    const dirs = ['state/lists/partial', 'cache/archives/partial', 'unpacked', 'debs'];
    for (const dir of dirs) mkdirSync(join(this.#folder, dir), { recursive: true });
    writeFileSync(join(this.#folder, 'state', 'status'), '');
    const { debian } = architectures[arch];
    writeFileSync(
      this.#config,
      [
        `APT::Architecture "${debian}"; APT::Architectures { "${debian}"; };`,
        `Dir::State "${join(this.#folder, 'state')}";`,
        `Dir::State::status "${join(this.#folder, 'state', 'status')}";`,
        `Dir::Cache "${join(this.#folder, 'cache')}";`,
        'APT::Sandbox::User "";',
        'Acquire::Languages "none";',
        '',
      ].join('\n'),
    );
  }

  /** Fetches the package lists. */
  update(): void {
    this.#apt('apt-get', ['update', '-qq']);
  }

  /** The one package that a metapackage such as linux-image-amd64 stands for. */
  dependencyOf(metapackage: string): string {
    const found = /^ *Depends: (\S+)$/m.exec(this.#apt('apt-cache', ['depends', metapackage]))?.[1];
    if (found === undefined) throw new Error(`the distribution has no package ${metapackage}`);
    return found;
  }

  /** Fetches a package (apt checks its signature chain) and unpacks it, unless that was done. */
  fetch(name: string): DebianPackage {
    const [found] = this.fetchAll([name]);
    if (found === undefined) throw new Error(`apt-cache says nothing of ${name}`);
    return found;
  }

  /** As fetch, for many at once: starting apt takes longer than what it does. */
  fetchAll(names: readonly string[]): DebianPackage[] {
    const versions = this.#versions(names);
    const packages = names.map((name) => {
      const version = versions.get(name);
      if (version === undefined || version === '(none)') {
        throw new Error(`the distribution has no package ${name} for ${this.#arch}`);
      }
      const root = join(this.#folder, 'unpacked', `${name}_${fileSafe(version)}`);
      return { name, version, root };
    });
    this.#download(packages.filter(({ root }) => !existsSync(root)));
    return packages;
  }

  /** The newest version of each package. */
  #versions(names: readonly string[]): ReadonlyMap<string, string> {
    const versions = new Map<string, string>();
    let name = '';
    for (const line of this.#apt('apt-cache', ['policy', ...names]).split('\n')) {
      name = /^(\S+):$/.exec(line)?.[1] ?? name;
      const [, version] = /^ *Candidate: (\S+)$/.exec(line) ?? [];
      if (version !== undefined) versions.set(name, version);
    }
    return versions;
  }

  #download(packages: readonly DebianPackage[]): void {
    if (packages.length === 0) return;
    const debs = join(this.#folder, 'debs');
    rmSync(debs, { recursive: true, force: true });
    mkdirSync(debs);
    const wanted = packages.map(({ name, version }) => `${name}=${version}`);
    this.#apt('apt-get', ['download', '-qq', ...wanted], debs);
    for (const { name, root } of packages) {
      // NAME_VERSION_ARCH.deb; no name of a package has an underscore.
      const deb = readdirSync(debs).find((file) => file.startsWith(`${name}_`));
      if (deb === undefined) throw new Error(`apt-get downloaded nothing for ${name}`);
      run('dpkg-deb', ['-x', join(debs, deb), `${root}.partial`]);
      renameSync(`${root}.partial`, root);
    }
    rmSync(debs, { recursive: true });
  }

  #apt(tool: string, args: readonly string[], cwd?: string): string {
    const env = { ...process.env, APT_CONFIG: this.#config, LC_ALL: 'C' };
    return run(tool, args, { env, ...(cwd === undefined ? {} : { cwd }) });
  }
}

/** A version may hold characters that mean something in a path. */
function fileSafe(version: string): string {
  return /^[\w.+~-]+$/.test(version)
    ? version
    : createHash('sha256').update(version).digest('hex').slice(0, 16);
}
