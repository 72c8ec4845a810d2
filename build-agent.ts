// Bundles the agent's program: for the package (build.ts) and for the single executable (initramfs/).
import { rolldown } from 'rolldown';
import { join } from 'node:path';

/** Writes agent.js, reader.js and what they load to `dir`, as CommonJS. One small entry with the rest
 *  split off: a command loads only what it uses. `external` are packages that are left out.
 *  Gives the names of the files, and of the packages whose code is in them. */
export async function bundleAgent(
  dir: string,
  external: readonly string[] = [],
): Promise<{ files: string[]; packages: string[] }> {
  const sources = join(import.meta.dirname, 'src');
  const build = await rolldown({
    input: {
      agent: join(sources, 'cli/dragonfly-agent.ts'),
      // A program that the agent starts.
      reader: join(sources, 'sources/isolated/reader.ts'),
    },
    platform: 'node',
    external: [...external],
    checks: { ineffectiveDynamicImport: false },
  });
  const { output } = await build.write({
    dir,
    // CommonJS, as Node takes 10 ms less to load it than ES modules, what is imported later too.
    format: 'cjs',
    dynamicImportInCjs: false,
    minify: true,
    chunkFileNames: '[name]-[hash].js',
  });
  await build.close();
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  const names = modules.map((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
  return {
    files: output.map(({ fileName }) => fileName).toSorted(),
    packages: [...new Set(names)].filter((name) => name !== undefined).toSorted(),
  };
}
