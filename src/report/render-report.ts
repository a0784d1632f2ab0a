// The report of a run in the format that a file name asks for.
import type { CompressionReport } from './schema/compression-report.js';
import { renderMarkdown } from './text/render-markdown.js';

type ReportFormat = '.json' | '.md' | '.html';

/** One file each; HTML holds its pictures, and the code that draws them is loaded only then. */
export async function renderReport(report: CompressionReport, format: ReportFormat): Promise<string> {
  if (format === '.json') return `${JSON.stringify(report, null, 2)}\n`;
  if (format === '.md') return renderMarkdown(report);
  const { renderHtml } = await import('./html/render-html.js');
  return renderHtml(report);
}
