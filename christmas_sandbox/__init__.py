"""Local stand-ins of Notion, Resend and Discord for trying out, developing and testing."""
