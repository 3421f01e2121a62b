UPDATE llm_schema_meta SET done = 0 WHERE version = 5;

DROP TABLE llm_budget_holds;

DROP TABLE llm_budgets;

DELETE FROM llm_schema_meta WHERE version = 5;
