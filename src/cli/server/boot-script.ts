// `dragonfly-server boot-script`: prints iPXE's first script, for the TFTP folder. A machine that has it waits
// for a server that is not up yet.
import { command } from '../command.ts';

export const bootScript = command({
  name: 'boot-script',
  describe: "print iPXE's first script, for the TFTP folder: it waits for the server at URL",
  examples: ['boot-script http://192.0.2.1:3000'],
  positionals: { url: { describe: 'the URL of the server, as machines reach it' } },
  options: {
    'give-up': {
      type: 'number',
      value: 'SECONDS',
      default: 300,
      range: [0, 86_400],
      describe: 'when machines go on to their disks; 0: never',
    },
  },
  async run(args, io) {
    const { startScript } = await import('../../netboot/boot-script.ts');
    const seconds = args['give-up'];
    io.print(startScript(args.url, seconds === 0 ? undefined : seconds));
    return 0;
  },
});
