// Imported first by every public entry point: on a Node that is too old the import fails with one sentence.
// It gets to run only if all other modules link: a name that old Nodes do not export is reached through
// `import * as`. A Node that cannot parse the library is led elsewhere by the conditions in package.json.
import { AppError } from './core/errors.ts';
import { nodeFault } from './supported-node.ts';

const fault = nodeFault(process.versions.node);
if (fault !== undefined) throw new AppError('node.unsupported', fault);
