//! Timelines as the pages draw them: a row for each thing that is watched, a column for each moment.

pub(crate) struct Timeline {
    labels: Vec<&'static str>,
    columns: Vec<Vec<String>>,
}

impl Timeline {
    pub(crate) fn of<const ROWS: usize>(labels: [&'static str; ROWS]) -> Self {
        Self { labels: labels.to_vec(), columns: Vec::new() }
    }

    /// One moment, a cell for each row.
    pub(crate) fn push<const ROWS: usize>(&mut self, cells: [&dyn ToString; ROWS]) {
        assert_eq!(ROWS, self.labels.len());
        self.columns.push(cells.iter().map(|cell| cell.to_string()).collect());
    }

    fn draw(&self) -> String {
        let width =
            |cells: &mut dyn Iterator<Item = &str>| cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        let margin = width(&mut self.labels.iter().copied()) + 3;
        let mut drawn = String::new();
        for (row, label) in self.labels.iter().enumerate() {
            let mut line = format!("{label:margin$}");
            for column in &self.columns {
                let wide = width(&mut column.iter().map(String::as_str)) + 2;
                let cell = &column[row];
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', wide - cell.chars().count()));
            }
            drawn += line.trim_end();
            drawn.push('\n');
        }
        drawn
    }

    /// The page draws exactly this.
    pub(crate) fn is_drawn_in(&self, page: &str) {
        let drawn = self.draw();
        assert!(page.contains(&format!("```text\n{drawn}```")), "the page should draw\n\n{drawn}");
    }
}
