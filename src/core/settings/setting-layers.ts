// The places of settings, and a setting's spelling in each: "tls_key" is the flag --tls-key,
// the variable DRAGONFLY_TLS_KEY, `tls_key:` in YAML and `dragonfly.tls_key=` for the kernel.
import { closest } from '../text/closest.ts';
import { AppError } from '../errors.ts';
import type { Layer, SettingSpec, SettingSpecs } from './settings.ts';

/** The name of a setting's flag, without the dashes; undefined if it has none. */
export function flagOf(name: string, spec: SettingSpec): string | undefined {
  if (spec.flag === false) return undefined;
  return spec.flag ?? name.replaceAll('_', '-');
}

/** Flags as the command line was parsed. */
export function flagLayer(flags: Readonly<Record<string, unknown>>): Layer {
  return {
    read(name, spec) {
      const flag = flagOf(name, spec);
      return flag === undefined ? undefined : { at: `--${flag}`, value: flags[flag] };
    },
  };
}

/** An empty variable counts as unset, as in most programs. */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): Layer {
  return {
    read(name) {
      const at = environmentName(name);
      return { at, value: environment[at] || undefined };
    },
  };
}

/** The environment variable of a setting. */
export function environmentName(name: string): string {
  return `DRAGONFLY_${name.toUpperCase()}`;
}

/** Parameters of the kernel command line. An empty one counts as unset. */
export function kernelLayer(parameters: ReadonlyMap<string, string>): Layer {
  return {
    read(name) {
      const at = `dragonfly.${name} on the kernel command line`;
      return { at, value: parameters.get(`dragonfly.${name}`) || undefined };
    },
  };
}

/** The document of a YAML file. Errors: AppError `config.invalid` where it holds other things than
 *  these settings. */
export function documentLayer(path: string, document: unknown, specs: SettingSpecs): Layer {
  const entries = settingsIn(path, document, specs);
  return { read: (name) => ({ at: `${path}: ${name}`, value: entries.get(name) }) };
}

function settingsIn(
  path: string,
  document: unknown,
  specs: SettingSpecs,
): ReadonlyMap<string, unknown> {
  // An empty file is a file without settings.
  if (document === null) return new Map();
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new AppError('config.invalid', `${path} must hold settings: "listen: 127.0.0.1:3000"`);
  }
  const known = Object.keys(specs);
  const unknown = Object.keys(document).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const meant = closest(unknown, known);
    const help =
      meant === undefined ? `the settings are ${known.join(', ')}` : `did you mean ${meant}?`;
    throw new AppError('config.invalid', `${path}: unknown setting ${unknown}; ${help}`);
  }
  return new Map(Object.entries(document));
}
