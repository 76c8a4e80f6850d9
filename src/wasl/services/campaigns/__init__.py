"""What units send to many people by SMS: their own lists of people, campaigns with approval, reports per person."""
