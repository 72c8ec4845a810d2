// Runs a boot script as iPXE does, with the commands that these scripts use and a clock of its own.

export interface World {
  readonly platform: 'efi' | 'pcbios';
  /** The bits of the processor; undefined for an iPXE that cannot tell. */
  readonly bits?: 32 | 64 | undefined;
  /** True if a command that reaches outside works: kernel, initrd, chain, sanboot, boot. */
  works(command: string, seconds: number): boolean;
  /** True where nobody answers: what has a limit takes it. */
  readonly isSilent?: boolean;
}

export interface Run {
  /** The commands that reach outside, with the second at which they ran. */
  readonly tried: readonly string[];
  readonly said: readonly string[];
  readonly end: string;
  readonly seconds: number;
}

const outside = /^(?:kernel|initrd|chain|sanboot|boot|reboot)\b/;
const tooLongSeconds = 7200;

export function run(text: string, world: World): Run {
  const lines = text.trimEnd().split('\n');
  if (lines[0] !== '#!ipxe') throw new Error('no iPXE script');
  const variables = new Map([['platform', world.platform as string]]);
  const tried: string[] = [];
  const said: string[] = [];
  let seconds = 0;
  let at = 1;
  let end: string | undefined;

  const execute = (command: string): boolean => {
    const [name = '', ...args] = command.split(' ');
    if (outside.test(command)) {
      const does = world.works(command, seconds);
      if (world.isSilent === true) {
        seconds += Number(/--timeout (\d+)/.exec(command)?.[1] ?? 0) / 1000;
      }
      tried.push(`${seconds} s ${name} ${does ? 'works' : 'fails'}`);
      if (does && name !== 'kernel' && name !== 'initrd') end = name;
      return does;
    }
    switch (name) {
      case 'set':
        variables.set((args[0] ?? '').replace(/:u?int32/, ''), args[1] ?? '');
        return true;
      case 'inc': {
        const [variable = '', by = '1'] = args;
        variables.set(variable, String(Number(variables.get(variable) ?? '0') + Number(by)));
        return true;
      }
      case 'iseq':
        return args[0] === args[1];
      case 'cpuid':
        return world.bits !== undefined && (args[0] !== '--ext' || world.bits === 64);
      case 'sleep':
        seconds += Number(args[0] ?? '');
        return true;
      case 'echo':
        said.push(args.join(' '));
        return true;
      case 'imgfree':
        return true;
      case 'goto': {
        const label = lines.indexOf(`:${args[0]}`);
        if (label < 0) throw new Error(`no label ${args[0]}`);
        at = label;
        return true;
      }
      case 'exit':
        end = `exit ${args[0] ?? '0'}`;
        return true;
      default:
        throw new Error(`unknown command: ${command}`);
    }
  };

  while (end === undefined) {
    if (seconds > tooLongSeconds) return { tried, said, end: 'for ever', seconds };
    const line = lines[at];
    at += 1;
    if (line === undefined) throw new Error('the script ran over its end');
    if (line.startsWith(':')) continue;
    variables.set('unixtime', String(1_800_000_000 + Math.floor(seconds)));
    const expanded = line.replaceAll(
      /\$\{([^}]+)\}/g,
      (whole, name: string) => variables.get(name) ?? whole,
    );
    let isFine = true;
    let joins = '&&';
    for (const part of expanded.split(/ ?(&&|\|\|) ?/)) {
      if (part === '&&' || part === '||') joins = part;
      else if (part === '' && joins === '||') isFine = true;
      else if (end === undefined && isFine === (joins === '&&')) isFine = execute(part);
    }
    if (!isFine && end === undefined) end = `failed: ${expanded}`;
  }
  return { tried, said, end, seconds };
}
