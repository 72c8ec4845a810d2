import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { agentSettings } from '../../../src/agent/settings/settings.ts';
import { environmentName, flagOf } from '../../../src/core/setting-layers.ts';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it.each(Object.entries(agentSettings))('has %s in its table of settings', (name, spec) => {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`--${flagOf(name, spec)}\``));
    expect(row).toContain(`| \`${environmentName(name)}\` |`);
    expect(row).toContain(`\`dragonfly.${name}\``);
  });
});
