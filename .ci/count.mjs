// Adds up the test runner's JSON reports and prints `N passed, N failed, N skipped`. Ends with 1
// when anything failed, a report is missing, or no test ran. Plain JavaScript: it runs on any Node.
import { readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of process.argv.slice(2)) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
  // A file that cannot even be loaded has no failed test in it.
  if (!report.success && report.numFailedTests === 0) total.failed += 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
